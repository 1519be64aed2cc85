//! Label selectors: the wire form, its rules, and what it matches.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::LabelValue;

/// Labels or annotations, sorted by key.
pub type Labels = BTreeMap<String, String>;

/// Objects whose labels meet every condition; one without conditions selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct LabelSelector {
    /// Labels that must be there with exactly these values.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schemars(with = "BTreeMap<String, LabelValue>")]
    pub match_labels: Labels,
    /// Conditions on single labels, all of which must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<Requirement>,
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How the label is compared with the values.
    pub operator: Operator,
    /// What the label is compared with: one or more for In and NotIn, none for Exists and DoesNotExist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// The label is there with one of the values.
    In,
    /// The label is missing, or its value is none of these.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl LabelSelector {
    /// A selector of exact labels.
    pub fn labels<K: Into<String>, V: Into<String>>(labels: impl IntoIterator<Item = (K, V)>) -> Self {
        let match_labels = labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { match_labels, match_expressions: Vec::new() }
    }

    /// The same selector with one condition more.
    #[must_use]
    pub fn and(mut self, key: impl Into<String>, operator: Operator, values: &[&str]) -> Self {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        self.match_expressions.push(Requirement { key: key.into(), operator, values });
        self
    }

    /// Whether it has no condition, and so selects all.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        let exact = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        self.match_labels.iter().all(exact) && self.match_expressions.iter().all(|requirement| requirement.holds(labels))
    }

    /// What the API server's schema lets pass although no component can use it.
    pub fn faults(&self) -> Vec<String> {
        self.match_expressions.iter().filter_map(Requirement::fault).collect()
    }
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.contains(value)),
            Operator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }

    fn fault(&self) -> Option<String> {
        let Self { key, operator, values } = self;
        match operator {
            Operator::In | Operator::NotIn if values.is_empty() => Some(format!("{operator} on {key:?} needs at least one value")),
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => Some(format!("{operator} on {key:?} takes no values")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn each_operator_treats_a_missing_label_as_kubernetes_does() {
        let web = labels(&[("app", "web")]);
        let table = [
            (Operator::In, &["web", "api"][..], true, false),
            (Operator::In, &["api"][..], false, false),
            (Operator::NotIn, &["web"][..], false, true),
            (Operator::NotIn, &["api"][..], true, true),
            (Operator::Exists, &[][..], true, false),
            (Operator::DoesNotExist, &[][..], false, true),
        ];
        for (operator, values, with_label, without) in table {
            let selector = LabelSelector::default().and("app", operator, values);
            assert_eq!(selector.matches(&web), with_label, "{operator} {values:?} on app=web");
            assert_eq!(selector.matches(&Labels::new()), without, "{operator} {values:?} without the label");
        }
    }

    #[test]
    fn every_condition_must_hold_and_none_selects_all() {
        assert!(LabelSelector::default().matches(&labels(&[("app", "web")])));
        let selector = LabelSelector::labels([("app", "web"), ("tier", "front")]).and("old", Operator::DoesNotExist, &[]);
        assert!(selector.matches(&labels(&[("app", "web"), ("tier", "front"), ("more", "yes")])));
        assert!(!selector.matches(&labels(&[("app", "web")])));
        assert!(!selector.matches(&labels(&[("app", "web"), ("tier", "front"), ("old", "")])));
    }

    #[test]
    fn a_condition_that_can_never_be_meant_is_a_fault() {
        let selector =
            LabelSelector::default().and("app", Operator::In, &[]).and("app", Operator::Exists, &["x"]).and("ok", Operator::NotIn, &["x"]);
        assert_eq!(selector.faults(), ["In on \"app\" needs at least one value", "Exists on \"app\" takes no values"]);
    }
}
