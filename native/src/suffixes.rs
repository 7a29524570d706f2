//! Which domains are public suffixes, as the list of publicsuffix.org says that was built in (feature `public-suffixes`).

/// Whether strangers register names under this domain, so that a cookie for all of them would be everybody's.
pub(crate) fn is_public(domain: &str) -> bool {
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == domain.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn suffixes_of_registries_and_of_hosters_are_public_and_names_under_them_are_not() {
        for public in ["com", "co.uk", "github.io", "localhost", "xn--fiqs8s", "anything.ck"] {
            assert!(is_public(public), "{public}");
        }
        for name in ["example.com", "example.co.uk", "me.github.io", "127.0.0.1", "api.example", "www.ck"] {
            assert!(!is_public(name), "{name}");
        }
    }
}
