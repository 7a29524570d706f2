//! What does a key of a platform file mean? As the JSON Schema says, which is generated from the code.

use serde_json::Value;

/// The description of the last key that an error names in backquotes and that exists.
pub(super) fn named_in(error: &str) -> Option<String> {
    let quoted: Vec<&str> = error.split('`').skip(1).step_by(2).collect();
    let first = quoted.first().copied().unwrap_or_default();
    let parent = first.rsplit_once('.').map_or("", |(parent, _)| parent);
    for word in quoted.iter().rev() {
        // The nearest key is named without the table that it stands in.
        let within = if parent.is_empty() { (*word).to_owned() } else { format!("{parent}.{word}") };
        for path in [within.as_str(), word] {
            if let Some(text) = description(path) {
                return Some(format!("`{path}`: {text}"));
            }
        }
    }
    None
}

/// What the schema says of the key at a path such as `refused.bodies[0].cap`.
pub(super) fn description(path: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(SCHEMA).ok()?;
    let mut at = vec![&schema];
    for step in path.split('.') {
        let name = step.split('[').next().unwrap_or(step);
        let mut found = Vec::new();
        for place in at {
            gather(&schema, place, &mut |node| found.extend(node["properties"].get(name)));
        }
        at = found;
    }
    let mut text = None;
    for place in at {
        gather(&schema, place, &mut |node| {
            text = text.take().or_else(|| node["description"].as_str().map(str::to_owned));
        });
    }
    text
}

/// Visits a node and those that it stands for.
fn gather<'a>(schema: &'a Value, node: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
    visit(node);
    let named = node["$ref"].as_str().and_then(|name| name.strip_prefix('#')).and_then(|name| schema.pointer(name));
    let choices = ["anyOf", "oneOf", "allOf"].iter().filter_map(|choice| node[*choice].as_array()).flatten();
    let items = node.get("items");
    for inner in named.into_iter().chain(choices).chain(items) {
        gather(schema, inner, visit);
    }
}

const SCHEMA: &str = include_str!("../../../../../docs/platform.schema.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_described_wherever_they_stand() {
        for path in [
            "id",
            "base_url",
            "retry.attempts",
            "sign_in.json.fields",
            "refused.bodies[0].cap",
            "renew.client_auth",
            "timeouts.total",
        ] {
            assert!(description(path).is_some_and(|text| text.len() > 5), "{path}");
        }
        assert_eq!(description("retry.atempts"), None);
        assert_eq!(description("nonsense.id"), None);
    }

    #[test]
    fn an_error_is_explained_by_the_nearest_key_it_names() {
        let explained = named_in("line 4: `retry.atempts` is unknown; did you mean `attempts`?").expect("a key");
        assert!(explained.starts_with("`retry.attempts`: Attempts a call makes"), "{explained}");
        assert_eq!(named_in("line 1: nothing is quoted"), None);
    }
}
