//! An attribute of an element in a page, as far as sign-in forms need it; not an HTML parser.

/// The `value` of the first `input` whose `name` is `wanted`.
pub(super) fn input_value(page: &str, wanted: &str) -> Option<String> {
    attribute(page, "input", &[("name", wanted)], "value")
}

/// The attribute `take` of the first `element` that has these attributes with these values.
pub(super) fn attribute(page: &str, element: &str, with: &[(&str, &str)], take: &str) -> Option<String> {
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let length = element.len();
        let is_it = rest.get(..length).is_some_and(|tag| tag.eq_ignore_ascii_case(element));
        if !is_it || !rest[length..].starts_with(|c: char| c.is_ascii_whitespace() || c == '/') {
            continue;
        }
        let (attributes, after) = attributes(&rest[length..]);
        rest = after;
        let find =
            |name: &str| attributes.iter().find(|(this, _)| this.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        if with.iter().all(|(name, wanted)| find(name).is_some_and(|value| value == wanted)) {
            return find(take).cloned();
        }
    }
    None
}

/// The attributes of a tag, names in lower case, and what follows the tag.
fn attributes(tag: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        let end =
            rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len()).max(1);
        let end = (end..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let Some(after) = rest.strip_prefix('=') else {
            found.push((name, String::new()));
            continue;
        };
        let after = after.trim_start();
        let (value, after) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            _ => after.split_at(after.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(after.len())),
        };
        found.push((name, decoded(value)));
        rest = after;
    }
}

/// Decodes the character references that attribute values hold in practice.
fn decoded(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    let named = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#61;", "="),
    ];
    let text = named.iter().fold(value.to_owned(), |text, (reference, character)| text.replace(reference, character));
    text.replace("&#43;", "+").replace("&#x2B;", "+").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::input_value;

    proptest! {
        #[test]
        fn no_page_makes_it_panic(page in r#"([<>a-z"'= /&;!ü-]|input|name|value|<!--|-->|&amp;|&#43;){0,60}"#) {
            let _ = input_value(&page, "name");
        }

        #[test]
        fn what_a_page_escapes_is_found(value in "[a-z&<>\"' ü]{0,20}") {
            let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            let page = format!("<p>x<input type=hidden name=t value=\"{escaped}\">");
            prop_assert_eq!(input_value(&page, "t"), Some(value));
        }
    }

    #[test]
    fn a_hidden_input_is_found_however_it_is_written() {
        let page = r#"<!-- <input name="_xsrf" value="comment"> --><form>
            <INPUT type=hidden value='a&amp;b' NAME=_xsrf /><input name="other" value="x"></form>"#;
        assert_eq!(input_value(page, "_xsrf").as_deref(), Some("a&b"));
        assert_eq!(input_value(page, "other").as_deref(), Some("x"));
        assert_eq!(input_value(page, "absent"), None);
    }

    #[test]
    fn broken_pages_do_not_panic() {
        for page in [
            "<input",
            "<input name",
            "<input name=",
            "<input name='",
            "<input =ü",
            "<",
            "<!--",
            "<input ü='a' name=x value=é>",
        ] {
            let _ = input_value(page, "x");
        }
    }
}
