//! What may stand in a platform file, as JSON Schema (draft 2020-12), for editors and for people who write one.
//!
//! **Invariant:** every key carries its own doc comment as description, without the marks that only rustdoc understands.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};

use super::Platform;

impl Platform {
    /// The JSON Schema of platform files.
    pub fn schema() -> Schema {
        let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Self>();
        schema.insert("title".to_owned(), "A Hallpass platform".into());
        Plain.transform(&mut schema);
        schema
    }
}

/// Descriptions in plain words: links keep their text.
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(description) = schema.get_mut("description")
            && let Some(text) = description.as_str()
        {
            *description = plain(text).into();
        }
        transform_subschemas(self, schema);
    }
}

/// The text on one line, with `[words](target)` and `[words]` as their words.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        // Brackets that are not a link's, such as those of `host[:port]`, stay.
        let link = after.split_once(']').filter(|(words, _)| words.starts_with('`') && words.ends_with('`'));
        let Some((words, after)) = link else {
            out.push('[');
            rest = after;
            continue;
        };
        out.push_str(words);
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    out.push_str(rest);
    out.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn links_keep_their_words_and_other_brackets_stay() {
        let text =
            "As [`Platform::renew`](super::Platform::renew) and [`Bundle`] say:\n`host[:port]`, `[sign_in.json]`.";
        assert_eq!(plain(text), "As `Platform::renew` and `Bundle` say: `host[:port]`, `[sign_in.json]`.");
    }
}
