//! The text form of a binary age file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const COLUMNS: usize = 64;

pub(super) fn armor(bytes: &[u8]) -> String {
    let mut out = format!("{BEGIN}\n");
    // Three bytes make four columns, so that each line is encoded by itself.
    for line in bytes.chunks(COLUMNS / 4 * 3) {
        out.push_str(&STANDARD.encode(line));
        out.push('\n');
    }
    out.push_str(END);
    out.push('\n');
    out
}

pub(super) fn dearmor(text: &str) -> Option<Vec<u8>> {
    let mut body = String::new();
    let mut lines = text.trim().lines().map(str::trim_end);
    if lines.next()? != BEGIN {
        return None;
    }
    let mut short = false;
    for line in lines.by_ref() {
        if line == END {
            return if lines.next().is_some() { None } else { STANDARD.decode(body).ok() };
        }
        if short || line.is_empty() || line.len() > COLUMNS {
            return None;
        }
        short = line.len() < COLUMNS;
        body.push_str(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for len in [0, 1, 47, 48, 49, 96, 200] {
            let bytes: Vec<u8> = (0..len).collect();
            let text = armor(&bytes);
            assert!(text.lines().all(|line| line.len() <= COLUMNS));
            assert_eq!(dearmor(&text), Some(bytes));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = armor(&[1; 100]);
        assert!(dearmor(&good.replace("BEGIN", "START")).is_none());
        assert!(dearmor(&good.replace(END, "")).is_none());
        assert!(dearmor(&format!("{good}more")).is_none());
        assert!(dearmor(&good.replace("AQEB", "AQ\nEB")).is_none());
        assert!(dearmor("").is_none());
    }
}
