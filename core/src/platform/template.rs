//! Templates in the fields of a sign-in: `{username}` stands for that field of the credentials.

use zeroize::Zeroizing;

/// A part of a template.
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// The names that a template stands for, in order; `{{` and `}}` stand for the braces themselves.
///
/// # Errors
///
/// What is wrong with the template.
pub fn names(template: &str) -> Result<Vec<&str>, &'static str> {
    let name = |piece| match piece {
        Piece::Text(_) => None,
        Piece::Name(name) => Some(name),
    };
    Ok(pieces(template)?.into_iter().filter_map(name).collect())
}

/// The text that a template stands for; nothing when it is malformed or names something that is not there.
pub fn render<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<Zeroizing<String>> {
    let text = |piece: Piece<'_>| match piece {
        Piece::Text(text) => Some(Zeroizing::new(text.to_owned())),
        Piece::Name(name) => value(name).map(|text| Zeroizing::new(text.to_owned())),
    };
    let texts: Vec<_> = pieces(template).ok()?.into_iter().map(text).collect::<Option<_>>()?;
    // Room for all of it at once, so that no copy of a secret stays behind.
    let mut whole = Zeroizing::new(String::with_capacity(texts.iter().map(|text| text.len()).sum()));
    for text in &texts {
        whole.push_str(text);
    }
    Some(whole)
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, brace) = rest.split_at(at);
        pieces.push(Piece::Text(text));
        if brace.starts_with("{{") || brace.starts_with("}}") {
            pieces.push(Piece::Text(&brace[..1]));
            rest = &brace[2..];
            continue;
        }
        let Some(inner) = brace.strip_prefix('{') else {
            return Err("has a `}` without a `{`; write `}}` for a brace");
        };
        let Some((name, after)) = inner.split_once('}') else {
            return Err("has a `{` that is not closed; write `{{` for a brace");
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(
                "names no field between `{` and `}`; names are letters, digits, `_` and `-`, as in `{username}`",
            );
        }
        pieces.push(Piece::Name(name));
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_replaced_and_doubled_braces_are_braces() {
        let value = |name: &str| match name {
            "username" => Some("{bob}"),
            "pass-word" => Some("x"),
            _ => None,
        };
        let text = |template| render(template, value).map(|text| text.to_string());
        assert_eq!(text("{username}").as_deref(), Some("{bob}"));
        assert_eq!(text("a {username}/{pass-word} z").as_deref(), Some("a {bob}/x z"));
        assert_eq!(text("{{username}} {{{pass-word}}}").as_deref(), Some("{username} {x}"));
        assert_eq!(text("").as_deref(), Some(""));
        assert_eq!(text("{absent}"), None);
        assert_eq!(names("{a}{b} {a}"), Ok(vec!["a", "b", "a"]));
    }

    #[test]
    fn a_malformed_template_says_what_is_wrong() {
        assert_eq!(names("{username"), Err("has a `{` that is not closed; write `{{` for a brace"));
        assert_eq!(names("username}"), Err("has a `}` without a `{`; write `}}` for a brace"));
        for empty in ["{}", "{ user }", "{a{b}", "{é}"] {
            assert!(names(empty).is_err_and(|what| what.starts_with("names no field")), "{empty}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_when_its_braces_are_doubled(text in any::<String>()) {
            let template = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(render(&template, |_| None).map(|text| text.to_string()), Some(text));
        }

        #[test]
        fn a_template_renders_exactly_when_it_is_well_formed_and_complete(template in "[{}a-c ]{0,12}") {
            prop_assert_eq!(names(&template).is_ok(), render(&template, |_| Some("v")).is_some());
        }
    }
}
