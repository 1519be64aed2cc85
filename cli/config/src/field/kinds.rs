//! The kinds of texts.

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;

use super::TextKind;

macro_rules! kind {
    ($(#[doc = $doc:literal])+ $name:ident, $describe:literal, $pattern:literal, $check:expr) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl TextKind for $name {
            const DESCRIBE: &'static str = $describe;
            const PATTERN: &'static str = $pattern;

            fn check(text: &str) -> Result<(), (String, String)> {
                let check: fn(&str) -> Result<(), (String, String)> = $check;
                check(text)
            }
        }
    };
}

fn fail<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, (String, String)> {
    Err((message.into(), help.into()))
}

kind!(
    /// A DNS label: names of nodes, pools, clusters.
    Label,
    "DNS label",
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| {
        if is_label(text) {
            Ok(())
        } else {
            fail(format!("`{text}` is not a DNS label"), "use at most 63 of a-z, 0-9 and `-`, with a letter or digit at both ends")
        }
    }
);

kind!(
    /// A DNS name.
    Domain,
    "DNS name",
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
    |text| {
        if is_domain(text) {
            Ok(())
        } else {
            fail(format!("`{text}` is not a DNS name"), "write labels of a-z, 0-9 and `-`, separated by dots, such as `home.example.org`")
        }
    }
);

kind!(
    /// A host by its name or its address.
    Host,
    "DNS name or IP address",
    "",
    |text| {
        if is_domain(text) || text.parse::<std::net::IpAddr>().is_ok() {
            Ok(())
        } else {
            fail(format!("`{text}` is neither a DNS name nor an IP address"), "write `ntp.example.org` or `192.168.1.1`, without scheme and port")
        }
    }
);

kind!(
    /// A Kubernetes label key.
    LabelName,
    "label key",
    "^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
    |text| {
        let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
        let prefix_fits = prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_label));
        if prefix_fits && !name.is_empty() && is_label_value(name) {
            Ok(())
        } else {
            fail(format!("`{text}` is not a label key"), "write `name` or `prefix.example.org/name`, with at most 63 characters after the slash")
        }
    }
);

kind!(
    /// A Kubernetes label value.
    LabelValue,
    "label value",
    "^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$",
    |text| {
        if is_label_value(text) {
            Ok(())
        } else {
            fail(
                format!("`{text}` is not a label value"),
                "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
            )
        }
    }
);

kind!(
    /// A version, `v1.2.3` or with a suffix.
    Version,
    "version such as `v1.13.9`",
    "^v?[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$",
    |text| {
        let core = text.strip_prefix('v').unwrap_or(text);
        let (numbers, suffix) = core.split_once('-').map_or((core, None), |(numbers, suffix)| (numbers, Some(suffix)));
        let parts: Vec<_> = numbers.split('.').collect();
        let numeric = |part: &&str| !part.is_empty() && part.len() <= 6 && part.bytes().all(|b| b.is_ascii_digit());
        let suffix_fits = suffix.is_none_or(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')));
        if parts.len() == 3 && parts.iter().all(numeric) && suffix_fits {
            Ok(())
        } else {
            fail(format!("`{text}` is not a version"), "write all three numbers, such as `v1.13.9`")
        }
    }
);

kind!(
    /// An HTTP(S) address.
    Https,
    "URL that starts with `https://`",
    "^https://",
    |text| {
        let rest = text.strip_prefix("https://").unwrap_or_default();
        if !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace) {
            Ok(())
        } else {
            fail(format!("`{text}` is not an https URL"), "write `https://HOST` or `https://HOST:PORT`")
        }
    }
);

kind!(
    /// A Git repository over HTTPS or SSH.
    GitUrl,
    "Git URL (`https://…` or `ssh://…`)",
    "^(https|http|ssh)://",
    |text| {
        let rest = ["https://", "http://", "ssh://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let userinfo = rest.and_then(|rest| rest.split('/').next()).and_then(|host| host.split_once('@')).map(|(user, _)| user);
        match rest {
            Some(rest) if !rest.is_empty() && !text.contains(char::is_whitespace) => {
                if userinfo.is_some_and(|user| user.contains(':')) {
                    return fail(
                        "a password stands in the repository's URL",
                        "take it out, and put the key into the secrets with `ichor secrets edit`",
                    );
                }
                Ok(())
            }
            _ if text.starts_with("git@") => fail(
                format!("`{text}` is the short SSH form, which Flux does not read"),
                format!("write `ssh://{}`", text.replacen(':', "/", 1)),
            ),
            _ => fail(format!("`{text}` is not a Git URL"), "write `https://HOST/OWNER/REPOSITORY` or `ssh://git@HOST/OWNER/REPOSITORY`"),
        }
    }
);

kind!(
    /// A name of a network interface, or a regular expression over such names.
    InterfacePattern,
    "regular expression over interface names",
    "",
    |text| {
        if text.is_empty() {
            return fail("an empty expression matches every interface", "write `^en.*` or the like");
        }
        match regex_lite::Regex::new(text) {
            Ok(_) => Ok(()),
            Err(error) => fail(format!("`{text}` is not a regular expression: {error}"), "write `^en.*`, or `eth0` for one interface"),
        }
    }
);

kind!(
    /// A path in the repository, without a way out of it.
    RelativePath,
    "path inside the repository",
    "^[^/]",
    |text| {
        let inside = !text.is_empty() && !text.starts_with('/') && !text.contains('\\') && !text.contains('\0');
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if text == "." || (inside && text.split('/').all(plain)) {
            Ok(())
        } else {
            fail(format!("`{text}` is not a path inside the repository"), "write it without a leading `/`, without `.` and `..`, and without a `/` at its end")
        }
    }
);

kind!(
    /// An age public key.
    AgeRecipient,
    "age public key (`age1…`)",
    "^age1[0-9a-z]{58}$",
    |text| {
        // The last six characters are a checksum, by which a slip is seen.
        let whole = CheckedHrpstring::new::<Bech32>(text).is_ok_and(|key| key.hrp().as_str() == "age" && key.byte_iter().count() == 32);
        if text.starts_with("AGE-SECRET-KEY-") {
            fail(
                "this is a private age key, and this file goes into Git",
                "take it out, make a new key with `age-keygen`, and write its public key (`age1…`) here",
            )
        } else if whole && text.starts_with("age1") {
            Ok(())
        } else {
            fail(format!("`{text}` is not an age public key"), "run `age-keygen -y KEYFILE` and copy the line that starts with `age1`")
        }
    }
);

kind!(
    /// A BGP community.
    Community,
    "community `65000:100`, `65000:1:2` or a well-known name",
    "",
    |text| {
        let well_known = ["no-export", "no-advertise", "internet", "local-as", "no-peer", "graceful-shutdown", "blackhole"];
        let parts: Vec<_> = text.split(':').collect();
        let fits = match parts.as_slice() {
            [name] => well_known.contains(name),
            [high, low] => [high, low].iter().all(|part| part.parse::<u16>().is_ok()),
            [a, b, c] => [a, b, c].iter().all(|part| part.parse::<u32>().is_ok()),
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            fail(
                format!("`{text}` is not a BGP community"),
                format!("write `ASN:VALUE` (both up to 65535), `ASN:VALUE:VALUE` (large), or one of {}", well_known.join(", ")),
            )
        }
    }
);

kind!(
    /// A container image without its tag.
    Image,
    "image name without a tag",
    "",
    |text| {
        let (registry, path) = text.split_once('/').unwrap_or(("", text));
        let named = |part: &str, more: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c) || more.contains(c))
        };
        // Only a registry has a port; behind any other `:` or `@` would stand the version.
        if (!registry.is_empty() && !named(registry, ":")) || !path.split('/').all(|part| named(part, "")) {
            fail(format!("`{text}` is not an image name without a tag"), "write `REGISTRY/NAME`; the version comes from `versions`")
        } else {
            Ok(())
        }
    }
);

kind!(
    /// Free text that names something.
    Words,
    "text",
    "",
    |text| {
        if text.trim().is_empty() || text.contains('\n') {
            fail("expected one line of text", "write a few words on one line")
        } else {
            Ok(())
        }
    }
);

fn is_label(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// A name whose last label is a number would be taken for an IPv4 address.
fn is_domain(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(is_label) && !(is_number && text.contains('.'))
}

fn is_label_value(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
