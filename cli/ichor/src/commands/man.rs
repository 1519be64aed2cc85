//! `ichor man`: one page for each command.

use std::fs;
use std::path::{Path, PathBuf};

use clap_mangen::Man;
use serde_json::{Value as Json, json};

use crate::cli;
use crate::failure::Failure;
use crate::{Answer, Printer};

pub(super) struct Pages(Vec<PathBuf>);

pub(super) fn run(args: &cli::Man) -> Result<Pages, Failure> {
    fs::create_dir_all(&args.dir).map_err(|error| Failure::io("cannot create", &args.dir, &error))?;
    let mut root = crate::command();
    // Building fills in the full names of commands below commands, and the flags that all of them share.
    root.build();
    let mut written = Vec::new();
    page(&root, &args.dir, &mut written)?;
    Ok(Pages(written))
}

fn page(command: &clap::Command, dir: &Path, written: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let man = Man::new(command.clone()).source(concat!("ichor ", env!("CARGO_PKG_VERSION"))).manual("ichor");
    written.push(man.generate_to(dir).map_err(|error| Failure::io("cannot write a page to", dir, &error))?);
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).try_for_each(|sub| page(sub, dir, written))
}

impl Answer for Pages {
    fn json(&self) -> Json {
        let pages: Vec<_> = self.0.iter().map(|page| page.display().to_string()).collect();
        json!({ "written": pages })
    }

    fn text(&self, printer: &Printer) {
        for page in &self.0 {
            printer.data(&format!("{}\n", page.display()));
        }
    }
}
