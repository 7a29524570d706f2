//! One account's machine, as JavaScript holds it: commands and answers in, a buffer of outputs out.
//!
//! What the driver brings back is in `answers`.

use std::collections::BTreeMap;
use std::time::Duration;

use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{CallId, Effect, ReadBody};
use hallpass_core::machine::{self, Output};
use hallpass_core::seed::Seed;
use hallpass_core::time::{Mono, Now, Wall};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::choices::{self, Body, Redirect, Repeat};
use crate::fault::{misuse, thrown};
use crate::head;
use crate::platform::Platform;
use crate::settings::Settings;
use crate::wire;

/// One account's machine.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session {
    pub(crate) machine: machine::Session,
    /// What to read of the answers to exchanges whose bodies may tell what they mean.
    pub(crate) reads: BTreeMap<u64, ReadBody>,
}

#[wasm_bindgen]
impl Session {
    /// A session that knows nothing yet; `seed` is 32 bytes of a cryptographic generator, used once.
    #[wasm_bindgen(constructor)]
    pub fn new(
        platform: &Platform,
        account: &str,
        settings: &Settings,
        seed: &[u8],
        mono_ms: f64,
        wall_ms: f64,
    ) -> Result<Self, JsValue> {
        let seed = Seed::new(seed.try_into().map_err(|_| misuse("a seed has 32 bytes"))?);
        let settings = settings.0.clone();
        let machine = machine::Session::new(platform.0.clone(), account, settings, seed, now(mono_ms, wall_ms));
        Ok(Self { machine, reads: BTreeMap::new() })
    }

    /// Begins a call: the lines of its head are method, address (relative or absolute), and names and values of headers in turn.
    /// `timeout_ms` is NaN for the platform's own.
    #[expect(clippy::too_many_arguments, reason = "numbers cross in registers, an object would not")]
    pub fn call(
        &mut self,
        head: &str,
        body: Body,
        redirect: Redirect,
        repeat: Repeat,
        timeout_ms: f64,
        mono_ms: f64,
        wall_ms: f64,
    ) -> Result<f64, JsValue> {
        let mut head = head::read(head, self.machine.compiled()).map_err(|error| thrown(&error))?;
        head.body = body.told();
        let timeout = (!timeout_ms.is_nan()).then(|| Duration::from_nanos(nanos(timeout_ms)));
        head.options = choices::options(timeout, redirect, repeat);
        Ok(name(self.machine.call(head, now(mono_ms, wall_ms))))
    }

    /// Ends a call, and nothing but that call.
    pub fn cancel(&mut self, call: f64, mono_ms: f64, wall_ms: f64) {
        self.machine.cancel(CallId::from_raw(call as u64), now(mono_ms, wall_ms));
    }

    /// Whether the answer that a call got last may still become its reply; otherwise its body can be let go.
    #[wasm_bindgen(js_name = holdsAnswer)]
    pub fn holds_answer(&self, call: f64) -> bool {
        self.machine.holds_answer(CallId::from_raw(call as u64))
    }

    /// Signs in with credentials written as JSON.
    #[wasm_bindgen(js_name = signIn)]
    pub fn sign_in(&mut self, credentials: &str, mono_ms: f64, wall_ms: f64) -> Result<f64, JsValue> {
        let credentials = Credentials::from_json(credentials).map_err(|error| thrown(&error))?;
        Ok(name(self.machine.sign_in(credentials, now(mono_ms, wall_ms))))
    }

    /// Opens the saved session.
    pub fn resume(&mut self, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.resume(now(mono_ms, wall_ms)))
    }

    /// Renews now.
    pub fn renew(&mut self, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.renew(now(mono_ms, wall_ms)))
    }

    /// Saves what has not been saved.
    pub fn save(&mut self, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.save(now(mono_ms, wall_ms)))
    }

    /// Asks the platform whether the session is good.
    pub fn validate(&mut self, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.validate(now(mono_ms, wall_ms)))
    }

    /// Closes, and ends the calls that are still under way after this long.
    #[wasm_bindgen(js_name = closeWithin)]
    pub fn close_within(&mut self, limit_ms: f64, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.close_within(Duration::from_nanos(nanos(limit_ms)), now(mono_ms, wall_ms)))
    }

    /// Tells the platform, closes and removes the saved record.
    #[wasm_bindgen(js_name = signOut)]
    pub fn sign_out(&mut self, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.sign_out(now(mono_ms, wall_ms)))
    }

    /// Stops taking calls, saves and closes.
    pub fn close(&mut self, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.close(now(mono_ms, wall_ms)))
    }

    /// Closes and removes the saved record.
    pub fn forget(&mut self, mono_ms: f64, wall_ms: f64) -> f64 {
        name(self.machine.forget(now(mono_ms, wall_ms)))
    }

    /// Everything that the machine says until it waits, in the form that `wire` describes.
    pub fn poll(&mut self, mono_ms: f64, wall_ms: f64) -> Vec<u8> {
        let now = now(mono_ms, wall_ms);
        let mut drained = wire::Drained::default();
        loop {
            let output = self.machine.poll(now);
            if let Output::Run(Effect::Exchange(exchange)) = &output
                && let ReadBody::Matching(_) = &exchange.read
            {
                self.reads.insert(exchange.ticket.id().raw(), exchange.read.clone());
            }
            if let Output::Abandon(effect) = &output {
                self.reads.remove(&effect.raw());
            }
            let is_last = matches!(output, Output::Wait(_));
            drained.push(&output);
            if is_last {
                return drained.into_bytes();
            }
        }
    }

    /// Where the session stands.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.machine.state().as_str().to_owned()
    }

    /// The number of its present credentials.
    #[wasm_bindgen(getter)]
    pub fn generation(&self) -> f64 {
        self.machine.generation() as f64
    }

    /// When its present token ends, in milliseconds since 1970, where that is known.
    #[wasm_bindgen(getter, js_name = expiresAt)]
    pub fn expires_at(&self) -> Option<f64> {
        self.machine.expires_at().map(|at| at.as_millis() as f64)
    }

    /// The id that the platform gave the account, once it is known.
    #[wasm_bindgen(getter, js_name = accountId)]
    pub fn account_id(&self) -> Option<String> {
        self.machine.account_id().map(str::to_owned)
    }

    /// Its cookies as a `cookies.txt`.
    #[wasm_bindgen(js_name = cookiesTxt)]
    pub fn cookies_txt(&self, wall_ms: f64) -> Vec<u8> {
        self.machine.cookies_txt(now(0.0, wall_ms)).0.to_vec()
    }

    /// Its counters, in the order of the core's `Stats`.
    #[wasm_bindgen(getter)]
    pub fn stats(&self) -> Vec<f64> {
        self.machine.stats().values().map(|counter| counter as f64).to_vec()
    }

    /// Its calls that wait for an answer from the wire, and those that wait for anything else.
    #[wasm_bindgen(getter, js_name = underWay)]
    pub fn under_way(&self) -> Vec<f64> {
        let found = self.machine.under_way();
        vec![found.in_flight as f64, found.waiting as f64]
    }

    /// When the account signed in, in milliseconds since 1970.
    #[wasm_bindgen(getter, js_name = signedInAt)]
    pub fn signed_in_at(&self) -> Option<f64> {
        self.machine.signed_in_at().map(|at| at.as_millis() as f64)
    }

    /// The kind of the last error of a call, or that the session met with by itself.
    #[wasm_bindgen(getter, js_name = lastError)]
    pub fn last_error(&self) -> Option<String> {
        self.machine.last_error().map(|kind| kind.as_str().to_owned())
    }

    /// Whether the store holds all that it has; none where it is kept nowhere.
    #[wasm_bindgen(getter, js_name = isSaved)]
    pub fn is_saved(&self) -> Option<bool> {
        self.machine.keeps()
    }

    /// The lines written down since the last time.
    #[wasm_bindgen(js_name = takeTrace)]
    pub fn take_trace(&mut self) -> String {
        self.machine.take_trace().join("\n")
    }
}

pub(crate) fn name(call: CallId) -> f64 {
    call.raw() as f64
}

pub(crate) fn mono(ms: f64) -> Mono {
    Mono::from_nanos(nanos(ms))
}

pub(crate) fn nanos(ms: f64) -> u64 {
    (ms * 1e6).round() as u64
}

pub(crate) fn now(mono_ms: f64, wall_ms: f64) -> Now {
    Now::new(mono(mono_ms), Wall::from_millis(wall_ms as i64))
}
