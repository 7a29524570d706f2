//! What sessions of one client share so that they do not harm a platform together: small machines that are asked.

mod budget;

pub use budget::{BudgetRules, RetryBudget};
