//! What does a pasted cURL command show a platform? As browsers copy it, for Unix and for Windows, or as people write it.

use super::words::Words;
use super::{Form, Imported, invalid, place, shown};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::platform::Compiled;

impl Credentials {
    /// Reads a cURL command: its cookies, user agent, further headers, and a user name and password.
    ///
    /// Of several commands ("Copy all as cURL") one is taken: the first to the platform's origins that shows the most of what
    /// the platform needs, since a bundle travels as one. Headers that belong to one request alone (`accept`, `referer`, those
    /// of the body …) are left out, and so are the method and the body.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` where it is no cURL command, a quote is open, it uses what only its shell knows (`$TOKEN`), or it
    /// says two things at once; never with a value.
    pub fn from_curl(text: &str, platform: &Compiled) -> Result<Imported, Error> {
        let words = Words::of(text)?;
        let mut best: Option<(Imported, (bool, usize))> = None;
        let mut others = 0;
        for command in words.commands()? {
            let Some(start) = command.iter().position(|word| is_curl(word)) else { continue };
            let imported = of_command(&command[start + 1..])?;
            let lacks = imported.credentials.missing_for(platform.platform()).len();
            let rank = (imported.foreign_to(platform).is_some(), lacks);
            others += usize::from(best.is_some());
            if best.as_ref().is_none_or(|(_, known)| rank < *known) {
                best = Some((imported, rank));
            }
        }
        let Some((mut imported, _)) = best else {
            return Err(invalid("there is no cURL command; in the browser's network panel choose \"Copy as cURL\""));
        };
        if others > 0 {
            imported.leave_out(format!("{others} more commands"), "credentials are taken from one request");
        }
        Ok(imported)
    }
}

/// Whether this word starts the program.
fn is_curl(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.eq_ignore_ascii_case("curl") || name.eq_ignore_ascii_case("curl.exe")
}

fn of_command(words: &[&str]) -> Result<Imported, Error> {
    let mut imported = Imported::new(Form::Curl);
    let mut words = words.iter().copied().peekable();
    let mut options = true;
    while let Some(word) = words.next() {
        if options && word == "--" {
            options = false;
        } else if let Some(name) = word.strip_prefix("--").filter(|_| options) {
            let (name, attached) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (name, None),
            };
            let wants = match kind_of(name) {
                Wants::Nothing => false,
                Wants::Value => true,
                // A later curl's: what follows is its value unless it looks like something else.
                Wants::Unknown => words.peek().is_some_and(|next| !next.starts_with('-') && !next.contains("://")),
            };
            let value = if wants { attached.or_else(|| words.next()) } else { attached };
            take(&mut imported, name, value)?;
        } else if let Some(cluster) = word.strip_prefix('-').filter(|rest| options && !rest.is_empty()) {
            for (at, letter) in cluster.char_indices() {
                let name = long(letter);
                if !SHORT_WITH_VALUE.contains(letter) {
                    take(&mut imported, name, None)?;
                    continue;
                }
                let rest = &cluster[at + letter.len_utf8()..];
                let value = if rest.is_empty() { words.next() } else { Some(rest) };
                take(&mut imported, name, value)?;
                break;
            }
        } else if imported.origin.is_none() {
            imported.take_address(word)?;
        } else {
            imported.leave_out("a further address", "credentials are taken from one request");
        }
    }
    Ok(imported)
}

fn take(imported: &mut Imported, name: &str, value: Option<&str>) -> Result<(), Error> {
    let value = value.unwrap_or_default();
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    // What is no name may be anything, even a secret.
    let option =
        |name: &str| if is_name(name) { format!("the option `--{}`", shown(name)) } else { "an option".to_owned() };
    match name {
        "header" => match value.split_once(':') {
            Some((name, value)) => return imported.take_header(name, value.trim()),
            None if value.starts_with('@') => imported.leave_out(option(name), "it names a file; paste what is in it"),
            None => imported.leave_out("a header without a value", "it shows nothing"),
        },
        "cookie" if value.contains('=') => {
            let line = place::without_name(value.trim());
            return place::cookies(&mut imported.credentials, zeroize::Zeroizing::new(line.to_owned()))
                .map_err(|problem| invalid(format!("the option `--cookie` {problem}")));
        }
        "cookie" => imported.leave_out(option(name), "it names a file; import that file itself"),
        "user-agent" => return imported.take_header("user-agent", value),
        "oauth2-bearer" => return imported.take_header("authorization", &format!("Bearer {value}")),
        "user" => return imported.take_user(value),
        "url" => return imported.take_address(value),
        "request" => imported.leave_out("the method", "it belongs to one request"),
        "referer" => imported.leave_out("the header `referer`", "it belongs to one request"),
        name if BODIES.iter().any(|start| name.starts_with(start)) => {
            imported.leave_out("the body", "it belongs to one request");
        }
        "-" => imported.leave_out("a short option", "it shows the platform nothing of an account"),
        name if QUIET.contains(&name) => {}
        name => imported.leave_out(option(name), "it shows the platform nothing of an account"),
    }
    Ok(())
}

enum Wants {
    Nothing,
    Value,
    Unknown,
}

fn kind_of(name: &str) -> Wants {
    let with_value = |known: &str| known == name;
    if BODIES.iter().any(|start| name.starts_with(start)) || WITH_VALUE.iter().any(|known| with_value(known)) {
        Wants::Value
    } else if name.starts_with("no-") || QUIET.contains(&name) || WITHOUT_VALUE.contains(&name) {
        Wants::Nothing
    } else {
        Wants::Unknown
    }
}

/// The long name of a short option, where it matters which it is.
fn long(letter: char) -> &'static str {
    match letter {
        'H' => "header",
        'b' => "cookie",
        'A' => "user-agent",
        'u' => "user",
        'e' => "referer",
        'X' => "request",
        'd' => "data",
        'F' => "form",
        'T' => "upload-file",
        's' | 'S' | 'L' | 'i' | 'v' | 'f' | 'g' | 'N' | '#' => "silent",
        'k' => "insecure",
        'o' | 'O' => "output",
        'x' => "proxy",
        'E' => "cert",
        'c' => "cookie-jar",
        'm' => "max-time",
        'G' => "get",
        'I' => "head",
        _ => "-",
    }
}

const SHORT_WITH_VALUE: &str = "AbcCdDeEFHKmoPQrtTuUwxXyYz";
const BODIES: [&str; 4] = ["data", "json", "form", "upload-file"];
/// What browsers add, and what changes nothing of what a platform sees.
const QUIET: [&str; 12] = [
    "compressed",
    "silent",
    "show-error",
    "location",
    "include",
    "verbose",
    "fail",
    "globoff",
    "no-buffer",
    "progress-bar",
    "http1.1",
    "http2",
];
const WITHOUT_VALUE: [&str; 14] = [
    "insecure",
    "get",
    "head",
    "http1.0",
    "http3",
    "ipv4",
    "ipv6",
    "basic",
    "digest",
    "anyauth",
    "ntlm",
    "negotiate",
    "location-trusted",
    "path-as-is",
];
const WITH_VALUE: [&str; 26] = [
    "header",
    "cookie",
    "user-agent",
    "user",
    "url",
    "oauth2-bearer",
    "request",
    "referer",
    "output",
    "cookie-jar",
    "max-time",
    "connect-timeout",
    "proxy",
    "proxy-user",
    "cert",
    "key",
    "cacert",
    "capath",
    "resolve",
    "interface",
    "retry",
    "retry-delay",
    "limit-rate",
    "write-out",
    "range",
    "url-query",
];
