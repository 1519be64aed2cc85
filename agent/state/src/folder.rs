//! Objects from the files of a folder.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ichor_yaml::Node as Yaml;

use crate::name::ObjectKey;
use crate::object::Object;
use crate::problem::{Place, Problem};
use crate::read::{read_object, title};

/// What the files of a folder said when they could last be read: an editor that is half-way through a file takes nothing
/// away from the network.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug, Default)]
struct File {
    objects: BTreeMap<ObjectKey, Object>,
    problems: Vec<Problem>,
}

impl Folder {
    /// Reads the new text of a file. What cannot be read stays what it was.
    pub fn set(&mut self, file: &str, text: &str) {
        let before = self.files.remove(file).unwrap_or_default();
        self.files.insert(file.to_owned(), read_file(file, text, before));
    }

    pub fn remove(&mut self, file: &str) {
        self.files.remove(file);
    }

    /// All objects; of one that is in two files, the first file's.
    pub fn objects(&self) -> BTreeMap<ObjectKey, Object> {
        let mut found = BTreeMap::new();
        for (key, object) in self.files.values().flat_map(|file| &file.objects) {
            found.entry(key.clone()).or_insert_with(|| object.clone());
        }
        found
    }

    /// Everything that is wrong with the files.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<_> = self.files.values().flat_map(|file| file.problems.clone()).collect();
        let mut seen = BTreeMap::new();
        for (name, file) in &self.files {
            for key in file.objects.keys() {
                if let Some(first) = seen.insert(key, name) {
                    let text = format!("is in {first} and in {name}; only the former counts, so take it out of one");
                    problems.push(Problem { object: key.to_string(), place: None, text });
                    seen.insert(key, first);
                }
            }
        }
        problems
    }
}

fn read_file(name: &str, text: &str, before: File) -> File {
    let documents = match ichor_yaml::parse(text) {
        Ok(documents) => documents,
        Err(error) => {
            let place = Some(Place::new(name, error.span.start));
            let text = format!("{}; the file counts as it was before", error.message);
            return File { objects: before.objects, problems: vec![Problem { object: String::new(), place, text }] };
        }
    };
    let mut file = File::default();
    for document in &documents {
        for duplicate in &document.duplicates {
            let text = format!("the key `{}` stands here twice; the first counts", duplicate.key);
            let place = Some(Place::new(name, duplicate.second.start));
            file.problems.push(Problem { object: title(&document.root), place, text });
        }
        match document.root.get("items").and_then(Yaml::as_seq) {
            Some(items) if document.root.get("kind").and_then(Yaml::as_str).is_some_and(|kind| kind.ends_with("List")) => {
                items.iter().for_each(|item| file.add(name, item, &before));
            }
            _ if document.root.is_null() => {}
            _ => file.add(name, &document.root, &before),
        }
    }
    file
}

impl File {
    fn add(&mut self, name: &str, root: &Yaml, before: &File) {
        match read_object(name, root) {
            Ok(None) => {}
            Ok(Some(object)) => match self.objects.entry(object.key()) {
                Entry::Vacant(place) => drop(place.insert(object)),
                Entry::Occupied(place) => {
                    let text = "stands in this file twice; the first counts, so take one out".to_owned();
                    let at = Some(Place::new(name, root.span.start));
                    self.problems.push(Problem { object: place.key().to_string(), place: at, text });
                }
            },
            Err(problem) => {
                let old = before.objects.iter().find(|(key, _)| key.to_string() == problem.object);
                self.objects.extend(old.map(|(key, object)| (key.clone(), object.clone())));
                self.problems.push(problem);
            }
        }
    }
}
