//! What does the driver bring back?
//!
//! An answer returns whether anyone waited for it; a late one is normal and changes nothing.

use bytes::Bytes;
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{
    Answer, Arrival, Declined, EffectId, Failure, FailureKind, KeyPair, KindName, Outcome, PermitAnswer, Sent, Signed,
};
use hallpass_core::store::{LeaseNumber, Record, StoreError, Version};
use http::StatusCode;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::head;
use crate::session::{Session, now};
use crate::wire;

/// How much of an answer's body came with it.
pub(crate) enum Read {
    Streamed,
    Whole(Vec<u8>),
    OverCap,
}

#[wasm_bindgen]
impl Session {
    /// How much of an answer's body to read before answering, for an exchange that left it open; none: stream it.
    #[wasm_bindgen(js_name = readCap)]
    pub fn read_cap(&mut self, effect: f64, status: u16, headers: &str) -> Option<u32> {
        let read = self.reads.remove(&(effect as u64))?;
        let status = StatusCode::from_u16(status).ok()?;
        let cap = read.cap_for(status, &head::headers(headers))?;
        Some(u32::try_from(cap).unwrap_or(u32::MAX))
    }

    /// An exchange brought an answer whose body is streamed.
    pub fn streamed(&mut self, effect: f64, status: u16, headers: &str, mono_ms: f64, wall_ms: f64) -> bool {
        self.arrived(effect, status, headers, Read::Streamed, mono_ms, wall_ms)
    }

    /// An exchange brought an answer whose body was read whole.
    pub fn whole(
        &mut self,
        effect: f64,
        status: u16,
        headers: &str,
        body: Vec<u8>,
        mono_ms: f64,
        wall_ms: f64,
    ) -> bool {
        self.arrived(effect, status, headers, Read::Whole(body), mono_ms, wall_ms)
    }

    /// An exchange brought an answer whose body is larger than what was to be read.
    #[wasm_bindgen(js_name = overCap)]
    pub fn over_cap(&mut self, effect: f64, status: u16, headers: &str, mono_ms: f64, wall_ms: f64) -> bool {
        self.arrived(effect, status, headers, Read::OverCap, mono_ms, wall_ms)
    }

    /// An exchange brought no answer, in one of the ways that [`failures`](crate::failures) lists.
    pub fn failed(
        &mut self,
        effect: f64,
        kind: &str,
        maybe_sent: bool,
        detail: String,
        mono_ms: f64,
        wall_ms: f64,
    ) -> bool {
        self.finish(effect, Outcome::Exchange(Err(failure(kind, maybe_sent, detail))), mono_ms, wall_ms)
    }

    /// The store answered a load; no bytes mean no live record.
    pub fn loaded(&mut self, effect: f64, version: f64, sealed: Option<Vec<u8>>, mono_ms: f64, wall_ms: f64) -> bool {
        let record = sealed.map(|sealed| Record { version: Version(version as u64), sealed });
        self.finish(effect, Outcome::Load(Ok(record)), mono_ms, wall_ms)
    }

    /// The store accepted a save.
    pub fn saved(&mut self, effect: f64, version: f64, mono_ms: f64, wall_ms: f64) -> bool {
        self.finish(effect, Outcome::Save(Ok(Version(version as u64))), mono_ms, wall_ms)
    }

    /// The store removed a record.
    pub fn removed(&mut self, effect: f64, mono_ms: f64, wall_ms: f64) -> bool {
        self.finish(effect, Outcome::Remove(Ok(())), mono_ms, wall_ms)
    }

    /// The store granted a lease; no number means that somebody else holds it.
    pub fn leased(&mut self, effect: f64, number: Option<f64>, mono_ms: f64, wall_ms: f64) -> bool {
        let number = number.map(|number| LeaseNumber(number as u64));
        self.finish(effect, Outcome::Lease(Ok(number)), mono_ms, wall_ms)
    }

    /// The store let a lease go, or found another there.
    pub fn released(&mut self, effect: f64, was_held: bool, mono_ms: f64, wall_ms: f64) -> bool {
        self.finish(effect, Outcome::Release(Ok(was_held)), mono_ms, wall_ms)
    }

    /// The store failed: `how` is `conflict`, `damaged`, `unsupported` or `unavailable`; a conflict's `detail` is the live version, or
    /// empty.
    #[wasm_bindgen(js_name = storeFailed)]
    pub fn store_failed(&mut self, effect: f64, how: &str, detail: String, mono_ms: f64, wall_ms: f64) -> bool {
        let error = match how {
            "conflict" => StoreError::Conflict(detail.parse().ok().map(Version)),
            "damaged" => StoreError::Damaged(detail),
            "unsupported" => StoreError::Unsupported(detail),
            _ => StoreError::Unavailable(detail),
        };
        let now = now(mono_ms, wall_ms);
        let effect = EffectId::from_raw(effect as u64);
        let outcomes = [
            Outcome::Load(Err(error.clone())),
            Outcome::Save(Err(error.clone())),
            Outcome::Lease(Err(error.clone())),
            Outcome::Release(Err(error.clone())),
            Outcome::Remove(Err(error)),
        ];
        outcomes.into_iter().any(|outcome| self.machine.finish(effect, outcome, now).is_ok())
    }

    /// The shared limits answered.
    pub fn permitted(&mut self, effect: f64, is_granted: bool, mono_ms: f64, wall_ms: f64) -> bool {
        let answer = if is_granted { PermitAnswer::Granted } else { PermitAnswer::Denied };
        self.finish(effect, Outcome::Permit(answer), mono_ms, wall_ms)
    }

    /// The program answered a question: `code`, `redirected`, `shown`, or `signed_in` with credentials written as JSON.
    pub fn told(&mut self, effect: f64, answer: &str, text: String, mono_ms: f64, wall_ms: f64) -> bool {
        let answer = match answer {
            "code" => Ok(Answer::Code(Secret::new(text))),
            "redirected" => Ok(Answer::Redirected(Secret::new(text))),
            "signed_in" => Credentials::from_json(&text)
                .map(|credentials| Answer::SignedIn(Box::new(credentials)))
                .map_err(|error| Declined { why: error.to_string() }),
            _ => Ok(Answer::Shown),
        };
        self.finish(effect, Outcome::Ask(answer), mono_ms, wall_ms)
    }

    /// The program would not answer a question, or could not.
    #[wasm_bindgen(js_name = notTold)]
    pub fn not_told(&mut self, effect: f64, why: String, mono_ms: f64, wall_ms: f64) -> bool {
        self.finish(effect, Outcome::Ask(Err(Declined { why })), mono_ms, wall_ms)
    }

    /// The program's signer gave headers: names and values in turn, a line each.
    pub fn signed(&mut self, effect: f64, headers: &str, mono_ms: f64, wall_ms: f64) -> bool {
        let signed = Signed::Headers(head::headers(headers));
        self.finish(effect, Outcome::Sign(Ok(signed)), mono_ms, wall_ms)
    }

    /// A key was made: PKCS#8, and the 65 bytes of its public point.
    #[wasm_bindgen(js_name = keyMade)]
    pub fn key_made(&mut self, effect: f64, pkcs8: Vec<u8>, public: &[u8], mono_ms: f64, wall_ms: f64) -> bool {
        let pkcs8 = Zeroizing::new(pkcs8);
        let key = public.try_into().map(|public| Signed::Key(KeyPair { pkcs8, public }));
        let outcome = key.map_err(|_| Declined { why: "the public key is no point of P-256".to_owned() });
        self.finish(effect, Outcome::Sign(outcome), mono_ms, wall_ms)
    }

    /// A signature was made with a key of the session's.
    #[wasm_bindgen(js_name = signatureMade)]
    pub fn signature_made(&mut self, effect: f64, signature: &[u8], mono_ms: f64, wall_ms: f64) -> bool {
        let signature = signature.try_into().map(Signed::Signature);
        let outcome = signature.map_err(|_| Declined { why: "the signature is not of 64 bytes".to_owned() });
        self.finish(effect, Outcome::Sign(outcome), mono_ms, wall_ms)
    }

    /// Nothing was signed, and why.
    #[wasm_bindgen(js_name = notSigned)]
    pub fn not_signed(&mut self, effect: f64, why: String, mono_ms: f64, wall_ms: f64) -> bool {
        self.finish(effect, Outcome::Sign(Err(Declined { why })), mono_ms, wall_ms)
    }

    /// The driver has nothing that performs this effect: no cache, no signer, nobody to ask.
    pub fn declined(&mut self, effect: f64, kind: &str, mono_ms: f64, wall_ms: f64) -> bool {
        let declined = || Declined { why: format!("this program gave nothing to `{kind}` with") };
        let outcome = match wire::kind_named(kind) {
            Some(KindName::CacheLoad) => Outcome::CacheLoad(None),
            Some(KindName::CacheStore) => Outcome::CacheStore(false),
            Some(KindName::Sign) => Outcome::Sign(Err(declined())),
            Some(KindName::Ask) => Outcome::Ask(Err(declined())),
            Some(
                KindName::Exchange
                | KindName::Load
                | KindName::Save
                | KindName::Lease
                | KindName::Release
                | KindName::Remove
                | KindName::Permit,
            )
            | None => return false,
        };
        self.finish(effect, outcome, mono_ms, wall_ms)
    }
}

impl Session {
    fn arrived(&mut self, effect: f64, status: u16, headers: &str, read: Read, mono_ms: f64, wall_ms: f64) -> bool {
        self.finish(effect, Outcome::Exchange(arrival(status, headers, read)), mono_ms, wall_ms)
    }

    fn finish(&mut self, effect: f64, outcome: Outcome, mono_ms: f64, wall_ms: f64) -> bool {
        let effect = effect as u64;
        self.reads.remove(&effect);
        self.machine.finish(EffectId::from_raw(effect), outcome, now(mono_ms, wall_ms)).is_ok()
    }
}

/// An answer as the core takes it.
pub(crate) fn arrival(status: u16, headers: &str, read: Read) -> Result<Arrival, Failure> {
    let headers = head::headers(headers);
    let no_status = |_| Failure::new(FailureKind::Protocol, Sent::Maybe, "the answer's status is no HTTP status");
    let status = StatusCode::from_u16(status).map_err(no_status)?;
    Ok(match read {
        Read::Streamed => Arrival::streamed(status, headers),
        Read::Whole(body) => Arrival::whole(status, headers, Bytes::from(body)),
        Read::OverCap => Arrival { status, headers, body: None, over_cap: true },
    })
}

/// A failure in one of the ways that [`failures`](crate::failures) lists.
pub(crate) fn failure(kind: &str, maybe_sent: bool, detail: String) -> Failure {
    let kind = FailureKind::ALL.iter().find(|known| known.error_kind().as_str() == kind);
    let sent = if maybe_sent { Sent::Maybe } else { Sent::No };
    Failure::new(kind.copied().unwrap_or(FailureKind::ConnectionLost), sent, detail)
}
