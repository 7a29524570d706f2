//! What a recorded request head says.

/// One request head as it arrived, well-formed or not.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedHead {
    raw: Vec<u8>,
}

impl RecordedHead {
    pub(crate) fn new(raw: Vec<u8>) -> Self {
        Self { raw }
    }

    /// The bytes up to and with the blank line, or whatever arrived before the connection ended.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The first line: method, target and version.
    pub fn request_line(&self) -> String {
        self.lines().next().unwrap_or_default()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every header in order.
    pub fn headers(&self) -> Vec<(String, String)> {
        self.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
            .collect()
    }

    /// Whether it carries `Authorization`, `Cookie` or `x-bc`.
    pub fn carries_credentials(&self) -> bool {
        ["authorization", "cookie", "x-bc"].iter().any(|name| self.header(name).is_some())
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.raw.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
    }
}

impl std::fmt::Debug for RecordedHead {
    /// Names the headers without their values, for some are secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.headers().into_iter().map(|(name, _)| name).collect();
        f.debug_struct("RecordedHead").field("request_line", &self.request_line()).field("headers", &names).finish()
    }
}
