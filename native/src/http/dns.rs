//! Which addresses does a host have, and in which order are they tried?

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use hallpass_core::effect::{Failure, FailureKind, Sent};
use tokio::net::lookup_host;

/// The addresses of a host by the operating system's resolver, families alternating (RFC 8305 §4); never empty.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = lookup_host((host, port)).await.map_err(|error| failure(host, &error.to_string()))?;
    let addresses = interleave(found);
    if addresses.is_empty() {
        return Err(failure(host, "no address"));
    }
    Ok(addresses)
}

/// Alternates between the families, starting with the one that the resolver prefers.
fn interleave(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut queues = [VecDeque::new(), VecDeque::new()];
    let mut first = None;
    for address in addresses {
        let family = usize::from(address.is_ipv4());
        first.get_or_insert(family);
        queues[family].push_back(address);
    }
    let mut turn = first.unwrap_or(0);
    let mut ordered = Vec::with_capacity(queues[0].len() + queues[1].len());
    while let Some(address) = queues[turn].pop_front().or_else(|| queues[1 - turn].pop_front()) {
        turn = usize::from(!address.is_ipv4());
        ordered.push(address);
    }
    ordered
}

fn failure(host: &str, why: &str) -> Failure {
    Failure::new(FailureKind::Dns, Sent::No, format!("{host} does not resolve: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate_from_the_preferred_one_on() {
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1"].map(|text| text.parse().expect("an address"));
        let ordered: Vec<String> = interleave(given.into_iter()).iter().map(ToString::to_string).collect();
        assert_eq!(ordered, ["[::1]:1", "1.0.0.1:1", "[::2]:1", "[::3]:1"]);
    }

    #[tokio::test]
    async fn an_address_needs_no_resolver() {
        let found = resolve("::1", 8080).await.expect("an address");
        assert_eq!(found, ["[::1]:8080".parse().expect("an address")]);
    }
}
