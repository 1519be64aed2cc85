//! Objects from the files of a folder.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ichor_yaml::Node as Yaml;

use crate::name::ObjectKey;
use crate::object::Object;
use crate::problem::{Place, Problem};
use crate::read::{read_object, title};

/// What the files of a folder said when they could last be read: an editor that is half-way through a file takes nothing
/// away from the network.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    files: BTreeMap<Arc<str>, File>,
    /// The files in which each object is, sorted.
    places: BTreeMap<ObjectKey, Vec<Arc<str>>>,
    /// Objects in more than one file.
    doubles: BTreeSet<ObjectKey>,
    /// Files with problems.
    faulty: BTreeSet<Arc<str>>,
}

#[derive(Clone, Debug, Default)]
struct File {
    /// Sorted: most files have few, and there may be many files.
    objects: Box<[(ObjectKey, Object)]>,
    problems: Vec<Problem>,
}

impl File {
    fn get(&self, key: &ObjectKey) -> Option<&Object> {
        let place = self.objects.binary_search_by_key(&key, |(key, _)| key).ok()?;
        self.objects.get(place).map(|(_, object)| object)
    }

    fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.iter().map(|(key, _)| key)
    }
}

/// A file as a tree, or why it is none.
pub type Documents = Result<Vec<ichor_yaml::Document>, ichor_yaml::Error>;

/// What a file says, read without knowledge of what it said before.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Sorted.
    objects: Box<[(ObjectKey, Object)]>,
    problems: Vec<Problem>,
    as_before: AsBefore,
}

/// What counts as it was when the file could last be read.
#[derive(Clone, Debug)]
enum AsBefore {
    Everything,
    /// Objects by their titles: hardly ever one.
    These(Vec<String>),
}

impl Contents {
    pub fn read(name: &str, documents: &Documents) -> Self {
        match documents {
            Ok(documents) => read_documents(name, documents),
            Err(error) => {
                let place = Some(Place::new(name, error.span.start));
                let text = format!("{}; the file counts as it was before", error.message);
                let problems = vec![Problem { object: String::new(), place, text }];
                Self { objects: Box::default(), problems, as_before: AsBefore::Everything }
            }
        }
    }

    /// Whether all of it can be read.
    pub fn is_whole(&self) -> bool {
        matches!(&self.as_before, AsBefore::These(titles) if titles.is_empty())
    }

    fn after(self, before: &File) -> File {
        let counts = |key: &ObjectKey| match &self.as_before {
            AsBefore::Everything => true,
            AsBefore::These(titles) => !titles.is_empty() && titles.contains(&key.to_string()),
        };
        let mut stay = before.objects.iter().filter(|(key, _)| counts(key)).cloned().peekable();
        let objects = if stay.peek().is_none() {
            self.objects
        } else {
            // What is read now comes last, and stands in the place of what was there.
            stay.chain(self.objects).collect::<BTreeMap<_, _>>().into_iter().collect()
        };
        File { objects, problems: self.problems }
    }
}

impl Folder {
    /// Takes what a file says now, and tells which objects may be others than before. What cannot be read stays what it was.
    pub fn set(&mut self, file: &str, contents: Contents) -> BTreeSet<ObjectKey> {
        let before = self.files.remove(file).unwrap_or_default();
        let after = contents.after(&before);
        self.exchange(file, &before, Some(after))
    }

    /// Whether anything was ever read of a file.
    pub fn knows(&self, file: &str) -> bool {
        self.files.contains_key(file)
    }

    /// The same for a file that is gone.
    pub fn remove(&mut self, file: &str) -> BTreeSet<ObjectKey> {
        let before = self.files.remove(file).unwrap_or_default();
        self.exchange(file, &before, None)
    }

    fn exchange(&mut self, name: &str, before: &File, after: Option<File>) -> BTreeSet<ObjectKey> {
        let name: Arc<str> = name.into();
        let now = after.as_ref();
        let is_other = |key: &&ObjectKey| now.and_then(|now| now.get(key)) != before.get(key);
        let all = before.keys().chain(now.into_iter().flat_map(File::keys));
        let changed: BTreeSet<_> = all.filter(is_other).cloned().collect();
        for key in &changed {
            match (before.get(key), now.and_then(|now| now.get(key))) {
                (None, Some(_)) => self.comes(key, &name),
                (Some(_), None) => self.leaves(key, &name),
                _ => {}
            }
        }
        self.faulty.remove(&name);
        if let Some(file) = after {
            if !file.problems.is_empty() {
                self.faulty.insert(name.clone());
            }
            self.files.insert(name, file);
        }
        changed
    }

    fn comes(&mut self, key: &ObjectKey, file: &Arc<str>) {
        let places = self.places.entry(key.clone()).or_default();
        if let Err(place) = places.binary_search(file) {
            // A vector makes room for four at once.
            places.reserve_exact(1);
            places.insert(place, file.clone());
        }
        if places.len() > 1 {
            self.doubles.insert(key.clone());
        }
    }

    fn leaves(&mut self, key: &ObjectKey, file: &Arc<str>) {
        let Some(places) = self.places.get_mut(key) else { return };
        places.retain(|place| place != file);
        if places.len() < 2 {
            self.doubles.remove(key);
        }
        if places.is_empty() {
            self.places.remove(key);
        }
    }

    /// An object; of one that is in two files, the first file's.
    pub fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.files.get(self.places.get(key)?.first()?)?.get(key)
    }

    /// Everything that is wrong with the files.
    pub fn problems(&self) -> Vec<Problem> {
        let of_files = self.faulty.iter().filter_map(|file| self.files.get(file)).flat_map(|file| file.problems.iter().cloned());
        let mut problems: Vec<_> = of_files.collect();
        for key in &self.doubles {
            let Some((first, others)) = self.places.get(key).and_then(|places| places.split_first()) else { continue };
            problems.extend(others.iter().map(|other| {
                let text = format!("is in {first} and in {other}; only the former counts, so take it out of one");
                Problem { object: key.to_string(), place: None, text }
            }));
        }
        problems
    }
}

fn read_documents(name: &str, documents: &[ichor_yaml::Document]) -> Contents {
    let mut reading = Reading { name, broken: Vec::new(), objects: BTreeMap::new(), problems: Vec::new() };
    for document in documents {
        for duplicate in &document.duplicates {
            let text = format!("the key `{}` stands here twice; the first counts", duplicate.key);
            let place = Some(Place::new(name, duplicate.second.start));
            reading.problems.push(Problem { object: title(&document.root), place, text });
        }
        objects_of(&document.root).iter().for_each(|object| reading.add(object));
    }
    let objects = reading.objects.into_iter().collect();
    Contents { objects, problems: reading.problems, as_before: AsBefore::These(reading.broken) }
}

/// What a document holds: an object, a list of them, or nothing.
pub fn objects_of(root: &Yaml) -> &[Yaml] {
    let is_list = root.get("kind").and_then(Yaml::as_str).is_some_and(|kind| kind.ends_with("List"));
    match root.get("items").and_then(Yaml::as_seq) {
        Some(items) if is_list => items,
        _ if root.is_null() => &[],
        _ => std::slice::from_ref(root),
    }
}

struct Reading<'f> {
    name: &'f str,
    broken: Vec<String>,
    objects: BTreeMap<ObjectKey, Object>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn add(&mut self, root: &Yaml) {
        match read_object(self.name, root) {
            Ok(None) => {}
            Ok(Some(object)) => match self.objects.entry(object.key()) {
                Entry::Vacant(place) => drop(place.insert(object)),
                Entry::Occupied(place) => {
                    let text = "stands in this file twice; the first counts, so take one out".to_owned();
                    let at = Some(Place::new(self.name, root.span.start));
                    self.problems.push(Problem { object: place.key().to_string(), place: at, text });
                }
            },
            Err(problem) => {
                self.broken.push(problem.object.clone());
                self.problems.push(problem);
            }
        }
    }
}
