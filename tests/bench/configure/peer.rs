//! A project of makejinja that renders the same files: one template for each, with the delimiters that users of the
//! template repositories know, and with the cluster's own words as variables.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use crate::measure::{Sample, run};
use crate::workload::{Workload, texts};

/// Words of the example, and the variables that stand for them.
const VARIABLES: [(&str, &str); 4] = [
    ("home.example.org", "cloudflare_domain"),
    ("192.168.42.", "node_prefix"),
    ("192.168.50.", "pool_prefix"),
    ("v1.36.3", "kubernetes_version"),
];

const SETTINGS: &str = r##"[makejinja]
inputs = ["templates"]
data = ["data.yaml"]
jinja_suffix = ".j2"
force = true
[makejinja.delimiter]
block_start = "#%"
block_end = "%#"
comment_start = "#|"
comment_end = "#|"
variable_start = "#{"
variable_end = "}#"
"##;

pub(crate) struct Project {
    program: PathBuf,
    folder: PathBuf,
    /// How many folders were rendered into, each of them new.
    round: Cell<usize>,
}

impl Drop for Project {
    fn drop(&mut self) {
        let _gone_already = fs::remove_dir_all(&self.folder);
    }
}

impl Project {
    /// A project whose output is what the workload's first run wrote.
    pub(crate) fn like(workload: &Workload) -> Self {
        let program = std::env::var_os("ICHOR_MAKEJINJA").expect("run the benchmarks with `cargo xtask bench configure`").into();
        let folder = workload.out().with_file_name("makejinja");
        let project = Self { program, folder, round: Cell::new(0) };
        for (path, mut text) in texts(&workload.out()) {
            for (word, variable) in VARIABLES {
                text = text.replace(word, &format!("#{{ {variable} }}#"));
            }
            let place = project.folder.join("templates").join(format!("{}.j2", path.display()));
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, format!("#% if node_prefix %#\n{text}#% endif %#\n")).unwrap();
        }
        let data: String = VARIABLES.iter().map(|(word, variable)| format!("{variable}: \"{word}\"\n")).collect();
        fs::write(project.folder.join("data.yaml"), data).unwrap();
        fs::write(project.folder.join("makejinja.toml"), SETTINGS).unwrap();
        // The first run compiles Python's modules, once in the life of an installation.
        project.render();
        project
    }

    pub(crate) fn render(&self) -> Sample {
        self.round.update(|round| round + 1);
        run(&self.program, &self.folder, &[OsStr::new("--output"), self.rendered().as_os_str()], &[])
    }

    pub(crate) fn count(&self) -> usize {
        crate::count(&self.rendered())
    }

    fn rendered(&self) -> PathBuf {
        self.folder.join(format!("rendered-{}", self.round.get()))
    }
}
