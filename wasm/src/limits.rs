//! What may the sessions of one client do together?

use hallpass_core::limit::{BudgetRules, RetryBudget};
use hallpass_core::time::Mono;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::session::mono;

/// The limits that sessions share.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Limits(RetryBudget);

#[wasm_bindgen]
impl Limits {
    /// Limits of which nothing is used yet.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no `Default`")]
    pub fn new() -> Self {
        Self(RetryBudget::new(BudgetRules::default()))
    }

    /// Whether an origin may see one more retry.
    pub fn withdraw(&mut self, origin: &str, successes: u32, mono_ms: f64) -> bool {
        let now: Mono = mono(mono_ms);
        self.0.withdraw(origin, successes, now)
    }
}
