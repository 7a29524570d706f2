//! Which domains are public suffixes, under which strangers register names? A function says so, or a list.
//!
//! **Invariant:** a name without a dot is always one, whatever a list says or leaves out.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Kind};

/// Says whether a domain (in lower case) is a public suffix.
pub type IsPublicSuffix = fn(&str) -> bool;

/// Which domains are public suffixes; every name without a dot, and no other, where nothing is said.
///
/// ```
/// use hallpass_core::cookie::PublicSuffixes;
///
/// let list = PublicSuffixes::parse("// of registries\ncom\nco.uk\n*.ck\n!www.ck\n")?;
/// assert!(list.contains("co.uk") && list.contains("any.ck") && list.contains("localhost"));
/// assert!(!list.contains("example.co.uk") && !list.contains("www.ck"));
/// # Ok::<(), hallpass_core::error::Error>(())
/// ```
#[derive(Clone)]
pub struct PublicSuffixes(Judge);

#[derive(Clone)]
enum Judge {
    By(IsPublicSuffix),
    /// The rules as they were written, in order.
    Listed(Arc<[Box<str>]>),
}

impl PublicSuffixes {
    /// Every name without a dot, and no other.
    pub const DOTLESS: Self = Self(Judge::By(has_no_dot));

    /// As a function says.
    pub const fn by(list: IsPublicSuffix) -> Self {
        Self(Judge::By(list))
    }

    /// As a list says that is written like the one of publicsuffix.org: a rule a line, `*.` before what has public names directly under it, `!`
    /// before a name that is none, comments behind `//`. Names beyond ASCII are written in Punycode.
    ///
    /// # Errors
    ///
    /// `config_invalid` with the line that is no rule, and where there is no rule at all.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |what: String| Error::new(Kind::ConfigInvalid, what);
        let mut rules = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let rule = line.split_ascii_whitespace().next().unwrap_or_default();
            if rule.is_empty() || rule.starts_with("//") {
                continue;
            }
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            let name = rule.strip_prefix("*.").or_else(|| rule.strip_prefix('!')).unwrap_or(rule);
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(invalid(format!("line {} of the public suffix list is no rule in ASCII", at + 1)));
            }
            rules.push(rule.to_ascii_lowercase().into_boxed_str());
        }
        if rules.is_empty() {
            return Err(invalid("the public suffix list has no rule".to_owned()));
        }
        rules.sort_unstable();
        Ok(Self(Judge::Listed(rules.into())))
    }

    /// Whether this domain, in lower case, is a public suffix itself.
    pub fn contains(&self, domain: &str) -> bool {
        let rules = match &self.0 {
            Judge::By(is_public) => return is_public(domain),
            Judge::Listed(rules) => rules,
        };
        let has = |rule: &str| rules.binary_search_by(|one| (**one).cmp(rule)).is_ok();
        let Some((_, parent)) = domain.split_once('.') else { return true };
        !has(&format!("!{domain}")) && (has(domain) || has(&format!("*.{parent}")))
    }
}

/// The shortest public suffix list: every name without a dot.
fn has_no_dot(domain: &str) -> bool {
    !domain.contains('.')
}

impl Default for PublicSuffixes {
    fn default() -> Self {
        Self::DOTLESS
    }
}

impl fmt::Debug for PublicSuffixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Judge::By(_) => "PublicSuffixes(by a function)",
            Judge::Listed(_) => "PublicSuffixes(listed)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "// ===BEGIN ICANN DOMAINS===\r\n\r\ncom\r\nUK\nco.uk  what follows is ignored\n*.ck\n!www.ck\n\
        xn--fiqs8s\n// ===BEGIN PRIVATE DOMAINS===\ngithub.io\n*.compute.example\n_x.example\n";

    #[test]
    fn rules_wildcards_and_exceptions_are_as_the_lists_format_says() {
        let list = PublicSuffixes::parse(LIST).expect("a list");
        for public in
            ["com", "uk", "co.uk", "ck", "any.ck", "xn--fiqs8s", "github.io", "eu.compute.example", "localhost", "org"]
        {
            assert!(list.contains(public), "{public}");
        }
        for name in
            ["example.com", "a.co.uk", "www.ck", "a.any.ck", "me.github.io", "compute.example", "a.eu.compute.example"]
        {
            assert!(!list.contains(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for (text, what) in [
            ("", "no rule"),
            ("// nothing\n\n", "no rule"),
            ("com\n<html>", "line 2"),
            ("com\n\n*.\n", "line 3"),
            ("公司.cn", "line 1"),
        ] {
            let error = PublicSuffixes::parse(text).expect_err(text);
            assert_eq!(error.kind(), "config_invalid");
            assert!(error.detail().contains(what), "{error}");
        }
    }
}
