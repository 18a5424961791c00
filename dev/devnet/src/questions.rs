//! Texts of the prediction markets.

/// A market to be created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) text: &'static str,
    pub(crate) outcomes: &'static [&'static str],
    /// Index into the tokens.
    pub(crate) collateral: usize,
    /// Hundredths of a per cent.
    pub(crate) fee_basis_points: u64,
    /// Relative pool sizes at the start; empty means equal. A larger pool makes its outcome cheaper.
    pub(crate) hint: &'static [u64],
}

const YES_NO: &[&str] = &["Yes", "No"];
const TUSD: usize = 0;
const TBTC: usize = 1;
const TDAI: usize = 2;

/// Markets of the set-up that stay open for ever (they resolve in 2035 at the earliest).
pub(crate) const LASTING: [Question; 8] = [
    question("Will one bitcoin trade above $1,000,000 before 2035?", YES_NO, TUSD, 200, &[7, 3]),
    question("Will a human walk on Mars before 2035?", YES_NO, TUSD, 100, &[9, 2]),
    question(
        "Which continent will host the 2040 Summer Olympics?",
        &["Africa", "Asia", "Europe", "Other"],
        TUSD,
        200,
        &[],
    ),
    question("Will Ethereum's gas limit exceed 500 million before 2035?", YES_NO, TDAI, 100, &[]),
    question(
        "Which fuel will power most new cars sold in Europe in 2034?",
        &["Electric", "Hybrid", "Combustion"],
        TDAI,
        150,
        &[2, 3, 6],
    ),
    question("Will a quantum computer factor RSA-2048 before 2035?", YES_NO, TBTC, 200, &[]),
    question(
        "Who will lead the smartphone market by units in 2034?",
        &["Apple", "Samsung", "Xiaomi", "Someone else"],
        TDAI,
        200,
        &[],
    ),
    question("Will the global mean temperature of 2034 set a record?", YES_NO, TUSD, 50, &[3, 4]),
];

/// Short-lived markets, created again and again; `{}` is a running number.
pub(crate) const PASSING: [Question; 5] = [
    question("Will ether close higher in round {}?", YES_NO, TUSD, 200, &[]),
    question("Which asset performs best in round {}?", &["BTC", "ETH", "Gold"], TUSD, 100, &[]),
    question("Will bitcoin move more than 2 % in round {}?", YES_NO, TDAI, 200, &[2, 1]),
    question("Who wins match {}?", &["Home", "Draw", "Away"], TDAI, 150, &[3, 4, 5]),
    question("Will the base fee double in round {}?", YES_NO, TBTC, 100, &[]),
];

const fn question(
    text: &'static str,
    outcomes: &'static [&'static str],
    collateral: usize,
    fee_basis_points: u64,
    hint: &'static [u64],
) -> Question {
    Question { text, outcomes, collateral, fee_basis_points, hint }
}
