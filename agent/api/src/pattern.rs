//! The regular expressions in the CRDs, composed from their parts.

/// The value of a label: empty, or up to 63 characters with an alphanumeric at both ends.
pub(crate) const LABEL_VALUE: &str = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";
/// A name with an optional domain before it.
pub(crate) const QUALIFIED_NAME: &str =
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";
/// The reason of a condition.
pub(crate) const REASON: &str = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";
/// The name of an object.
pub(crate) const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A host name.
pub(crate) const HOST_NAME: &str = "^([-a-zA-Z0-9_]+[.]?)+$";
/// A host name in which `*` stands for any characters.
pub(crate) const HOST_PATTERN: &str = "^([-a-zA-Z0-9_*]+[.]?)+$";
/// The number of a port or its name.
pub(crate) const PORT: &str =
    "^(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})|([a-zA-Z0-9]-?)*[a-zA-Z](-?[a-zA-Z0-9])*$";
/// Printable text.
pub(crate) const PRINTABLE: &str = r"^\PC*$";
/// A number of one octet.
pub(crate) const OCTET: &str = "[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5]";

const U16: &str = "([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
const U32: &str = "([0-9]|[1-9][0-9]{1,8}|[1-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}\
    |429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])";

/// A community of RFC 1997, as one number or as two of 16 bits.
pub(crate) fn standard_community() -> String {
    format!("^{U32}$|^{U16}:{U16}$")
}

/// A large community of RFC 8092.
pub(crate) fn large_community() -> String {
    format!("^{U32}:{U32}:{U32}$")
}

/// An IPv4 address, or an IPv6 address with or without a zone; blanks around it are allowed.
pub(crate) fn ip_address() -> String {
    let octet = format!("({OCTET})");
    let short = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    let dotted = format!(r"({short}(\.{short}){{3}})");
    let group = "[0-9A-Fa-f]{1,4}";
    // The `left` groups before the double colon decide what may follow it.
    let after = |left: usize| match left {
        7 => format!("({group}|:)"),
        6 => format!("(:{group}|{dotted}|:)"),
        5 => format!("(((:{group}){{1,2}})|:{dotted}|:)"),
        4 => format!("(((:{group}){{1,3}})|((:{group})?:{dotted})|:)"),
        left => format!("(((:{group}){{1,{}}})|((:{group}){{0,{}}}:{dotted})|:)", 7 - left, 5 - left),
    };
    let mut v6: Vec<_> = (1..=7).rev().map(|left| format!("(({group}:){{{left}}}{})", after(left))).collect();
    v6.push(format!("(:{})", after(0)));
    format!(r"((^\s*(({octet}\.){{3}}{octet})\s*$)|(^\s*({})(%.+)?\s*$))", v6.join("|"))
}
