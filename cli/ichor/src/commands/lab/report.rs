//! What the checks found, as a table and as data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ichor_config::Family;
use ichor_lab::matrix::{Cell, Policy, Protocol, Source, Target};
use ichor_lab::{Report, Walked};
use serde_json::{Value as Json, json};

use crate::Printer;
use crate::printer::{BAD, GOOD};

const COLUMNS: [(Protocol, Family); 4] =
    [(Protocol::Tcp, Family::V4), (Protocol::Udp, Family::V4), (Protocol::Tcp, Family::V6), (Protocol::Udp, Family::V6)];
/// More failures than a person reads at once; all of them are in the JSON document.
const MOST: usize = 40;

type Row = (Source, Target, Policy);

pub(super) fn text(report: &Report, printer: &Printer) {
    let mut rows: BTreeMap<Row, BTreeMap<(Protocol, Family), &Walked>> = BTreeMap::new();
    for walked in &report.walked {
        let Cell { source, target, policy, protocol, family } = walked.cell;
        rows.entry((source, target, policy)).or_default().insert((protocol, family), walked);
    }
    let mut page = format!("{:<15} {:<20} {:<7}", "from", "to", "policy");
    for (protocol, family) in COLUMNS {
        let _ = write!(page, "{:>9}", format!("{protocol} {family}"));
    }
    page.push_str("  client as seen\n");
    for ((source, target, policy), cells) in &rows {
        let of_service = !matches!(target, Target::PodIp | Target::ClusterIp | Target::HostPort);
        let policy = if of_service { policy.to_string() } else { "-".to_owned() };
        let _ = write!(page, "{source:<15} {target:<20} {policy:<7}");
        for column in COLUMNS {
            page.push_str(&cell(cells.get(&column).copied(), printer));
        }
        // The other columns were compared with what it must be as well; one says enough.
        let seen = COLUMNS.iter().find_map(|column| cells.get(column)?.seen.as_ref());
        let _ = writeln!(page, "  {}", seen.map_or_else(String::new, |(_, source)| source.to_string()));
    }
    page.push('\n');
    for behaviour in &report.behaviours {
        let result = result(behaviour.problem.is_some(), behaviour.took_us, printer);
        let _ = writeln!(page, "{:<70} {result}", behaviour.name);
    }
    page.push('\n');
    failures(report, &mut page);
    let (good, all) = (report.checks() - report.failures(), report.checks());
    let _ = writeln!(page, "{good} of {all} checks are as they must be, in {:.1} s", report.took.as_secs_f64());
    printer.data(&page);
    for (reason, cells) in left_out(report) {
        printer.detail(&format!("{cells} left out: {reason}"));
    }
}

fn cell(walked: Option<&Walked>, printer: &Printer) -> String {
    match walked {
        None => format!("{:>9}", "-"),
        Some(walked) => result(walked.problem.is_some(), walked.took_us, printer),
    }
}

fn result(failed: bool, took_us: u64, printer: &Printer) -> String {
    if failed {
        return printer.styled(BAD, format!("{:>9}", "FAILED"));
    }
    let (whole, tenths) = (took_us / 1000, took_us % 1000 / 10);
    printer.styled(GOOD, format!("{:>9}", format!("{whole}.{tenths:02} ms")))
}

fn failures(report: &Report, page: &mut String) {
    let failed = report.walked.iter().filter(|walked| walked.problem.is_some());
    for walked in failed.take(MOST) {
        let Cell { source, target, policy, protocol, family } = walked.cell;
        let problem = walked.problem.as_deref().unwrap_or_default();
        let _ = writeln!(page, "FAILED {source} to {target} ({policy}), {protocol} {family}, {}: {problem}", walked.to);
    }
    for behaviour in &report.behaviours {
        if let Some(problem) = &behaviour.problem {
            let _ = writeln!(page, "FAILED {}: {problem}", behaviour.name);
        }
    }
}

fn left_out(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut reasons = BTreeMap::new();
    for (_, reason) in &report.left_out {
        *reasons.entry(*reason).or_default() += 1;
    }
    reasons
}

pub(super) fn json(report: &Report) -> Json {
    let walked = |walked: &Walked| {
        let Cell { source, target, policy, protocol, family } = walked.cell;
        json!({
            "from": source.to_string(),
            "to": target.to_string(),
            "policy": policy.to_string(),
            "protocol": protocol.to_string(),
            "family": family.to_string(),
            "address": walked.to.to_string(),
            "pod": walked.seen.as_ref().map(|(pod, _)| pod),
            "source_seen": walked.seen.as_ref().map(|(_, source)| source.to_string()),
            "problem": walked.problem,
            "took_us": walked.took_us,
        })
    };
    let behaviours = report.behaviours.iter();
    let behaviours = behaviours.map(|found| json!({ "name": found.name, "problem": found.problem, "took_us": found.took_us }));
    let left_out = left_out(report).into_iter().map(|(reason, cells)| json!({ "reason": reason, "cells": cells }));
    json!({
        "checks": report.checks(),
        "failures": report.failures(),
        "took_ms": report.took.as_millis(),
        "paths": report.walked.iter().map(walked).collect::<Vec<_>>(),
        "behaviours": behaviours.collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
    })
}
