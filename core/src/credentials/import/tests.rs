//! What holds for every import, whatever it is given.

use proptest::prelude::*;

use super::words::Words;
use super::*;
use crate::credentials::Secret;
use crate::platform::Platform;
use crate::time::Wall;

fn platform() -> Compiled {
    let text = r#"{"id": "p", "base_url": "https://a.example", "sign_in": {"bundle": {}}}"#;
    Compiled::new(Platform::from_json(text).expect("valid")).expect("valid")
}

/// Every reader, given the same text.
fn all(text: &str) -> Vec<Result<Imported, Error>> {
    let platform = platform();
    let now = Wall::from_millis(1_750_000_000_000);
    let pair = [("P_HEADER_X".to_owned(), Secret::new(text))];
    vec![
        Credentials::import(text, &platform, now),
        Credentials::from_curl(text, &platform),
        Credentials::from_har(text, &platform),
        Credentials::from_cookies_txt(text, &platform, now),
        Credentials::from_cookie_line(text),
        Credentials::from_env("P", &pair),
    ]
}

/// A word as a Unix shell quotes it, in one of three ways.
fn quoted(word: &str, way: u8) -> String {
    match way % 3 {
        0 => format!("'{}'", word.replace('\'', r"'\''")),
        1 => {
            let escaped = word.chars().map(|c| if "\"\\$`".contains(c) { format!("\\{c}") } else { c.to_string() });
            format!("\"{}\"", escaped.collect::<String>())
        }
        _ => {
            let escaped = word.encode_utf16().map(|unit| match char::from_u32(unit.into()) {
                Some(c) if c.is_ascii_alphanumeric() || c == ' ' => c.to_string(),
                _ => format!("\\u{unit:04x}"),
            });
            format!("$'{}'", escaped.collect::<String>())
        }
    }
}

/// A word as it is to be quoted for the Windows command prompt: backslashes are themselves unless a quote follows.
fn caret_quoted(word: &str) -> String {
    let (mut escaped, mut slashes) = (String::new(), 0);
    for c in word.chars().map(Some).chain([None]) {
        if matches!(c, None | Some('"')) {
            escaped.extend(std::iter::repeat_n('\\', slashes));
        }
        slashes = if c == Some('\\') { slashes + 1 } else { 0 };
        escaped.extend(c.map(|c| if c == '"' { "\\\"".to_owned() } else { c.to_string() }));
    }
    let escaped = escaped.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("^{c}") });
    format!("^\"{}^\"", escaped.collect::<String>())
}

#[test]
fn a_browsers_cookies_hide_among_other_hosts_cookies_in_no_report() {
    let text = "a.example\tFALSE\t/\tTRUE\t0\tsid\thunter2\nb.example\tFALSE\t/\tTRUE\t0\ttheirs\thunter2\n";
    let imported = Credentials::import(text, &platform(), Wall::from_millis(0)).expect("valid");
    assert_eq!(imported.credentials.summary(), ["cookies: sid"]);
    let told: Vec<_> = imported.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["the cookie `theirs` of b.example: it is for another host"]);
    assert!(!format!("{imported:?}").contains("hunter2"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_text_makes_an_import_panic_and_no_error_repeats_it(text in "(?s).{0,80}", curl in "curl [-a-zH$'\"\\\\^\n{}=: ]{0,60}") {
        for text in [text, curl] {
            for outcome in all(&text) {
                if let Err(error) = outcome {
                    prop_assert_eq!(error.code(), Kind::CredentialsInvalid);
                }
            }
        }
    }

    #[test]
    fn no_planted_secret_is_in_a_report_or_an_error(
        before in "[-a-zH$'\"\\\\^\n\t{}=:; ]{0,20}",
        after in "[-a-zH$'\"\\\\^\n\t{}=:; ]{0,20}",
        start in prop::sample::select(vec!["curl -H ", "Cookie: a=", "{\"cookie\": \"", "# \n", "P=", ""]),
    ) {
        // No name of a header or option can hold it, wherever it stands.
        let text = format!("{start}{before}hunter2@{{{after}");
        for outcome in all(&text) {
            let told = match outcome {
                Err(error) => format!("{error} {error:?}"),
                Ok(imported) => format!("{imported:?}"),
            };
            prop_assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn words_come_out_of_every_quoting_as_they_went_in(words in prop::collection::vec(("[^\\x00]{0,12}", any::<u8>()), 1..6)) {
        let line: Vec<_> = words.iter().map(|(word, way)| quoted(word, *way)).collect();
        let joined = line.join(" \\\n  ");
        // Its look decides how it is read; carets at the end of lines are for Windows.
        prop_assume!(!joined.contains("^\"") && !joined.lines().any(|line| line.trim_end().ends_with('^')));
        let read = Words::of(&joined).expect("quoted well");
        let expected: Vec<_> = words.iter().map(|(word, _)| word.as_str()).collect();
        prop_assert_eq!(read.commands().expect("UTF-8"), [expected]);
    }

    #[test]
    fn words_come_out_of_the_prompts_quoting_as_they_went_in(words in prop::collection::vec("[ -~]{0,12}", 1..6)) {
        let line: Vec<_> = words.iter().map(|word| caret_quoted(word)).collect();
        let joined = line.join(" ^\r\n  ");
        let read = Words::of(&joined).expect("quoted well");
        let expected: Vec<_> = words.iter().map(String::as_str).collect();
        prop_assert_eq!(read.commands().expect("UTF-8"), [expected]);
    }
}
