//! Versions of Talos and Kubernetes, and the form of configuration that a version takes.

use std::fmt;
use std::str::FromStr;

/// The oldest and the newest minor release of Talos 1 whose configuration is written here.
pub const SUPPORTED_MINORS: std::ops::RangeInclusive<u32> = 12..=14;

/// How a machine configuration is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Machine and cluster in one `v1alpha1` document; the network and registries in documents of their own (Talos 1.12 and 1.13).
    V1Alpha1,
    /// Kubernetes, discovery, installation and kernel settings in documents of their own, too (Talos 1.14).
    Documents,
}

/// A version of Talos within the supported range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TalosVersion {
    minor: u32,
    text: String,
}

impl TalosVersion {
    /// The form that this version generates itself.
    pub fn form(&self) -> Form {
        if self.minor >= 14 { Form::Documents } else { Form::V1Alpha1 }
    }

    /// The minor release, 13 for 1.13.9.
    pub fn minor(&self) -> u32 {
        self.minor
    }
}

/// As Talos writes it, `v1.13.9`.
impl fmt::Display for TalosVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.text)
    }
}

impl FromStr for TalosVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (bare, major, minor) =
            numbers(text).ok_or_else(|| format!("`{text}` is not a version of Talos; write all three numbers, as in v1.13.9"))?;
        if major != 1 || !SUPPORTED_MINORS.contains(&minor) {
            let (oldest, newest) = (SUPPORTED_MINORS.start(), SUPPORTED_MINORS.end());
            return Err(format!("Talos {bare} is not supported: configuration is written for 1.{oldest} to 1.{newest}"));
        }
        Ok(Self { minor, text: bare.to_owned() })
    }
}

/// A version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesVersion {
    text: String,
}

/// As image tags have it, `v1.36.3`.
impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.text)
    }
}

impl FromStr for KubernetesVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a version of Kubernetes; write all three numbers, as in v1.36.3");
        let (bare, ..) = numbers(text).ok_or_else(wrong)?;
        Ok(Self { text: bare.to_owned() })
    }
}

/// The version without its `v`, its major and its minor number.
fn numbers(text: &str) -> Option<(&str, u32, u32)> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let (release, pre) = bare.split_once('-').map_or((bare, None), |(release, pre)| (release, Some(pre)));
    let mut parts = release.split('.').map(number);
    let (major, minor, _patch) = (parts.next()??, parts.next()??, parts.next()??);
    let pre_fits = pre.is_none_or(|pre| !pre.is_empty() && pre.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')));
    (parts.next().is_none() && pre_fits).then_some((bare, major, minor))
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_chooses_the_form() {
        for (text, form) in
            [("v1.12.0", Form::V1Alpha1), ("1.13.9", Form::V1Alpha1), ("v1.14.0-rc.1", Form::Documents), ("1.14.2", Form::Documents)]
        {
            assert_eq!(text.parse::<TalosVersion>().unwrap().form(), form, "{text}");
        }
    }

    #[test]
    fn versions_outside_the_range_are_refused_with_the_range() {
        for text in ["1.11.6", "v1.15.0", "2.12.0"] {
            let message = text.parse::<TalosVersion>().unwrap_err();
            assert!(message.contains("1.12 to 1.14"), "{message}");
        }
    }

    #[test]
    fn half_a_version_is_refused() {
        for text in ["", "v", "1.13", "1.13.", "1.13.9.1", "1.13.+9", "v1.13.9-", "1.13.9-a b", "latest"] {
            assert!(text.parse::<TalosVersion>().is_err(), "{text}");
            assert!(text.parse::<KubernetesVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_print_with_their_v() {
        assert_eq!("1.14.0-rc.1".parse::<TalosVersion>().unwrap().to_string(), "v1.14.0-rc.1");
        assert_eq!("v1.36.3".parse::<KubernetesVersion>().unwrap().to_string(), "v1.36.3");
    }
}
