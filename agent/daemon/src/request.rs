//! What the agent is asked on its socket: a line of JSON, answered by one.

use std::path::PathBuf;

use ichor_agent_api::inspect::Question;
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
    /// Whether pods can be added.
    CanAdd,
    /// How the agent is.
    Status,
    /// Everything that lies in the folder of objects now is to be in the tables before the answer.
    Sync,
}

/// What a line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Something that the agent's own thread does.
    Do(Request),
    /// Something that can be read beside it.
    Tell(Box<Question>),
}

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
pub(crate) fn read(line: &[u8]) -> Result<Asked, Json> {
    let json: Json = serde_json::from_slice(line).map_err(|error| refusal(Code::Decode, "the request is not JSON", &error.to_string()))?;
    if json.get("inspect").is_some() {
        let question = serde_json::from_value(json);
        return question
            .map(Asked::Tell)
            .map_err(|error| refusal(Code::Decode, "the question is none that this agent knows", &error.to_string()));
    }
    read_order(&json).map(Asked::Do)
}

fn read_order(json: &Json) -> Result<Request, Json> {
    let text = |key: &str| json.get(key).and_then(Json::as_str);
    match text("get") {
        Some("status") => return Ok(Request::Status),
        Some(wanted) => return Err(refusal(Code::Decode, &format!("there is no `{wanted}` to get"), "there is status")),
        None => {}
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
            Ok(Request::Add { attachment: attachment(json)?, namespace: namespace.ok_or_else(missing)?.into(), pod })
        }
        Some("delete") => attachment(json).map(Request::Delete),
        Some("check") => attachment(json).map(Request::Check),
        Some("collect") => {
            let missing = || refusal(Code::Decode, "the list of valid attachments is missing", "");
            let valid = json.get("valid").and_then(Json::as_array).ok_or_else(missing)?;
            valid.iter().map(attachment).collect::<Result<_, _>>().map(Request::Collect)
        }
        Some("status") => Ok(Request::CanAdd),
        _ => Err(refusal(Code::Decode, "the request is none that this agent knows", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_and_mistakes_answered() {
        let order = |line: &str| match read(line.as_bytes()).unwrap() {
            Asked::Do(request) => request,
            Asked::Tell(question) => panic!("{question:?}"),
        };
        assert!(matches!(order(r#"{"get":"status"}"#), Request::Status));
        assert!(matches!(order(r#"{"cni":"status"}"#), Request::CanAdd));
        assert!(matches!(order(r#"{"cni":"delete","container":"a","interface":"eth0"}"#), Request::Delete(_)));
        assert!(matches!(order(r#"{"objects":"sync"}"#), Request::Sync));
        let collect = order(r#"{"cni":"collect","valid":[{"container":"a","interface":"eth0"}]}"#);
        assert!(matches!(collect, Request::Collect(valid) if valid.len() == 1));
        let question = read(br#"{"inspect":"flows","filter":{"port":80},"limit":2}"#);
        assert!(matches!(question, Ok(Asked::Tell(question)) if question.filter.port == Some(80) && question.limit == Some(2)));
        for (line, code) in [
            ("nothing", 6),
            ("\u{0}\u{1}", 6),
            (r#"{"inspect":"x"}"#, 6),
            (r#"{"inspect":"flows","filter":{"colour":1}}"#, 6),
            (r#"{"inspect":"flows","more":1}"#, 6),
            (r#"{"get":"x"}"#, 6),
            (r#"{"cni":"x"}"#, 6),
            (r#"{"cni":"collect"}"#, 6),
            (r#"{"cni":"check","container":"../a","interface":"eth0"}"#, 4),
            (r#"{"cni":"add","container":"a","interface":"eth0"}"#, 4),
        ] {
            let answer = read(line.as_bytes()).unwrap_err();
            assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
        }
    }
}
