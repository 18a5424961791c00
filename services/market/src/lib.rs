//! Prediction markets from the event log: prices, trades, positions and resolutions.
