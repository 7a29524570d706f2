//! What a fetch sends and where the answer's body goes.
//!
//! **Invariant:** a body is written byte for byte as it arrives; a reader that stops reading ends the writing, not the program.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use hallpass::{Error, Kind};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::fetch::{HasBody, method};
use super::unwritable;
use crate::args::Fetch;
use crate::outcome::Failure;
use crate::output::Output;

/// A request as the command line describes it.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

/// Where a body goes.
pub(super) enum Sink {
    Stdout(std::io::StdoutLock<'static>),
    File(Output),
}

/// Whether somebody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    There,
    Gone,
}

/// What the files of a body lose on their way.
#[derive(Clone, Copy)]
enum Files {
    AsTheyAre,
    WithoutLineBreaks,
}

/// Reads the request off the command line, and its body from where that is.
pub(super) fn outgoing(wanted: &Fetch) -> Result<Outgoing, Failure> {
    let mut headers = given_headers(&wanted.headers)?;
    let mut presume = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    let body = if !wanted.json.is_empty() {
        presume(header::CONTENT_TYPE, "application/json");
        presume(header::ACCEPT, "application/json");
        Some(joined(wanted.json.iter().map(|data| (data, Files::AsTheyAre)), b"")?)
    } else if wanted.data.is_empty() && wanted.data_binary.is_empty() {
        None
    } else {
        presume(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let data = wanted.data.iter().map(|data| (data, Files::WithoutLineBreaks));
        Some(joined(data.chain(wanted.data_binary.iter().map(|data| (data, Files::AsTheyAre))), b"&")?)
    };
    let has_body = if body.is_some() { HasBody::Yes } else { HasBody::No };
    Ok(Outgoing { method: method(wanted, has_body)?, headers, body })
}

fn joined<'a>(parts: impl Iterator<Item = (&'a String, Files)>, between: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    for (at, (part, files)) in parts.enumerate() {
        if at > 0 {
            whole.extend_from_slice(between);
        }
        let Some(file) = part.strip_prefix('@') else {
            whole.extend_from_slice(part.as_bytes());
            continue;
        };
        let content = read(file)?;
        match files {
            Files::AsTheyAre => whole.extend_from_slice(&content),
            Files::WithoutLineBreaks => whole.extend(content.into_iter().filter(|byte| !b"\r\n\0".contains(byte))),
        }
    }
    Ok(whole)
}

fn read(file: &str) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let (name, read) = match file {
        "-" => ("standard input", std::io::stdin().lock().read_to_end(&mut content)),
        file => (file, File::open(file).and_then(|mut file| file.read_to_end(&mut content))),
    };
    match read {
        Ok(_) => Ok(content),
        Err(error) => Err(invalid(format!("the body cannot be read from {name}: {error}")).into()),
    }
}

/// Headers as curl takes them: `Name: value`, or `Name;` for one without a value.
fn given_headers(lines: &[String]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = match (line.split_once(':'), line.strip_suffix(';')) {
            (Some((name, value)), _) => (name.trim(), value.trim()),
            (None, Some(name)) => (name.trim(), ""),
            (None, None) => return Err(invalid("a header is written `Name: value`").into()),
        };
        let Ok(parsed) = HeaderName::try_from(name) else {
            // What stands before the colon may be anything, even a secret.
            return Err(invalid("a header's name is letters, digits and `-`, before the colon").into());
        };
        if value.is_empty() && line.contains(':') {
            return Err(invalid(format!("the header `{name}` has no value; write `{name};` to send it empty")).into());
        }
        let value = HeaderValue::try_from(value)
            .map_err(|_| invalid(format!("the value of the header `{name}` has characters that cannot be sent")))?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

impl Sink {
    pub(super) fn open(output: Option<&Path>) -> Result<Self, Failure> {
        match output.filter(|path| *path != Path::new("-")) {
            None => Ok(Self::Stdout(std::io::stdout().lock())),
            Some(path) => Ok(Self::File(Output::begin(path)?)),
        }
    }

    /// Writes a part, at once.
    pub(super) fn write(&mut self, part: &[u8]) -> Result<Reader, Failure> {
        let (name, written) = match self {
            Self::Stdout(out) => ("standard output".to_owned(), out.write_all(part).and_then(|()| out.flush())),
            Self::File(file) => (file.name(), file.write(part)),
        };
        match written {
            Ok(()) => Ok(Reader::There),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(unwritable(&name, &error)),
        }
    }

    /// Lets a file appear, now that all is written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(file) => file.finish(),
        }
    }
}

fn invalid(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::RequestInvalid, what)
}
