//! What the agent is asked on its socket: a line of JSON, answered by one.

use std::path::PathBuf;

use ichor_agent_state::Name;
use serde_json::{Value as Json, json};

use crate::store::Attachment;

#[derive(Debug)]
pub(crate) enum Request {
    Add {
        attachment: Attachment,
        namespace: PathBuf,
        pod: Name,
    },
    Delete(Attachment),
    Check(Attachment),
    /// Everything but these may go.
    Collect(Vec<Attachment>),
    Status,
    /// Everything that lies in the folder of objects now is to be in the tables before the answer.
    Sync,
    Get(Subject),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Endpoints,
    Services,
    Nodes,
    Status,
    Flows,
    Counters,
    Backends,
}

const SUBJECTS: [(&str, Subject); 7] = [
    ("endpoints", Subject::Endpoints),
    ("services", Subject::Services),
    ("nodes", Subject::Nodes),
    ("status", Subject::Status),
    ("flows", Subject::Flows),
    ("counters", Subject::Counters),
    ("backends", Subject::Backends),
];

/// Codes of the CNI specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    UnknownContainer = 3,
    InvalidEnvironment = 4,
    Decode = 6,
    TryAgain = 11,
    NotAvailable = 50,
    /// Those from 100 are a plugin's own.
    Failed = 100,
}

/// An answer that says why not.
pub(crate) fn refusal(code: Code, message: &str, details: &str) -> Json {
    json!({ "error": { "code": code as u32, "msg": message, "details": details } })
}

/// Reads a line; the mistake is the answer.
pub(crate) fn read(line: &str) -> Result<Request, Json> {
    let json: Json = serde_json::from_str(line).map_err(|error| refusal(Code::Decode, "the request is not JSON", &error.to_string()))?;
    let text = |key: &str| json.get(key).and_then(Json::as_str);
    if let Some(wanted) = text("get") {
        let found = SUBJECTS.iter().find(|(name, _)| *name == wanted).map(|(_, subject)| Request::Get(*subject));
        let names = || SUBJECTS.map(|(name, _)| name).join(", ");
        return found.ok_or_else(|| refusal(Code::Decode, &format!("there is no `{wanted}` to get"), &format!("there are {}", names())));
    }
    if text("objects") == Some("sync") {
        return Ok(Request::Sync);
    }
    let attachment = |of: &Json| {
        let part = |key: &str| of.get(key).and_then(Json::as_str).unwrap_or_default();
        Attachment::new(part("container"), part("interface"))
            .ok_or_else(|| refusal(Code::InvalidEnvironment, "container or interface are missing or contain what their names may not", ""))
    };
    match text("cni") {
        Some("add") => {
            let pod = Name::new(text("podNamespace").unwrap_or_default(), text("podName").unwrap_or_default());
            let namespace = text("networkNamespace").filter(|path| path.starts_with('/'));
            let missing = || refusal(Code::InvalidEnvironment, "the path of the network namespace is missing", "");
            Ok(Request::Add { attachment: attachment(&json)?, namespace: namespace.ok_or_else(missing)?.into(), pod })
        }
        Some("delete") => attachment(&json).map(Request::Delete),
        Some("check") => attachment(&json).map(Request::Check),
        Some("collect") => {
            let missing = || refusal(Code::Decode, "the list of valid attachments is missing", "");
            let valid = json.get("valid").and_then(Json::as_array).ok_or_else(missing)?;
            valid.iter().map(attachment).collect::<Result<_, _>>().map(Request::Collect)
        }
        Some("status") => Ok(Request::Status),
        _ => Err(refusal(Code::Decode, "the request is none that this agent knows", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_and_mistakes_answered() {
        assert!(matches!(read(r#"{"get":"flows"}"#), Ok(Request::Get(Subject::Flows))));
        assert!(matches!(read(r#"{"cni":"delete","container":"a","interface":"eth0"}"#), Ok(Request::Delete(_))));
        assert!(matches!(read(r#"{"objects":"sync"}"#), Ok(Request::Sync)));
        let collect = read(r#"{"cni":"collect","valid":[{"container":"a","interface":"eth0"}]}"#);
        assert!(matches!(collect, Ok(Request::Collect(valid)) if valid.len() == 1));
        for (line, code) in [
            ("nothing", 6),
            (r#"{"get":"x"}"#, 6),
            (r#"{"cni":"x"}"#, 6),
            (r#"{"cni":"collect"}"#, 6),
            (r#"{"cni":"check","container":"../a","interface":"eth0"}"#, 4),
            (r#"{"cni":"add","container":"a","interface":"eth0"}"#, 4),
        ] {
            let answer = read(line).unwrap_err();
            assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
        }
    }
}
