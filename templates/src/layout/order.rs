//! Which component has to wait for which.

use std::collections::BTreeMap;

use crate::component::Component;

/// How many components stand before each in a row.
#[derive(Debug)]
pub(crate) struct Waves(BTreeMap<String, u8>);

impl Waves {
    pub(crate) fn of(components: &[Component]) -> Self {
        let mut waves: BTreeMap<String, u8> = components.iter().map(|component| (component.name.clone(), 0)).collect();
        // No row is longer than the list: a ring, which would be a defect of a part, ends here as well.
        for _ in components {
            for component in components {
                let before = component.needs.iter().filter_map(|need| waves.get(need)).max();
                let wave = before.map_or(0, |wave| wave.saturating_add(1));
                waves.insert(component.name.clone(), wave);
            }
        }
        Self(waves)
    }

    pub(crate) fn of_component(&self, component: &Component) -> u8 {
        self.0.get(&component.name).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_comes_after_the_last_that_it_needs() {
        let component = |name: &str, needs: &[&str]| {
            let mut component = Component::new(name, "default");
            component.needs = needs.iter().map(ToString::to_string).collect();
            component
        };
        let components = [component("d", &["a", "c"]), component("c", &["b"]), component("b", &["a"]), component("a", &[])];
        let waves = Waves::of(&components);
        assert_eq!(components.each_ref().map(|component| waves.of_component(component)), [3, 2, 1, 0]);
    }
}
