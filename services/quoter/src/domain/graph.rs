//! Which pools lead from which token to which.

use std::collections::HashMap;

use capstan_primitives::Address;

use super::pool::Way;

/// Place of a token in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(u32);

impl Token {
    /// The place.
    #[must_use]
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// A way through a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edge {
    /// Place of the pool.
    pub pool: u32,
    /// Which way through it.
    pub way: Way,
    /// Where it leads.
    pub to: Token,
}

/// Tokens and the ways between them; it only grows.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    places: HashMap<Address, Token>,
    tokens: Vec<Address>,
    edges: Vec<Vec<Edge>>,
}

impl Graph {
    /// The token at an address.
    #[must_use]
    pub fn token(&self, address: &Address) -> Option<Token> {
        self.places.get(address).copied()
    }

    /// The address of a token.
    #[must_use]
    pub fn address(&self, token: Token) -> Address {
        self.tokens.get(token.place()).copied().unwrap_or(Address::ZERO)
    }

    /// How many tokens there are.
    #[must_use]
    pub const fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Every token, oldest first.
    pub fn all(&self) -> impl Iterator<Item = Token> {
        (0..u32::try_from(self.tokens.len()).unwrap_or(u32::MAX)).map(Token)
    }

    /// The ways out of a token. Those into it are the same backwards, as every pool leads both ways.
    #[must_use]
    pub fn from(&self, token: Token) -> &[Edge] {
        self.edges.get(token.place()).map_or(&[], Vec::as_slice)
    }

    /// Adds a pool's ways.
    pub fn add(&mut self, pool: usize, tokens: &[Address]) {
        let Ok(pool) = u32::try_from(pool) else { return };
        let tokens: Vec<Token> = tokens.iter().map(|address| self.intern(*address)).collect();
        for (from, token) in (0..).zip(&tokens) {
            let others = (0..).zip(&tokens).filter(|(to, _)| *to != from);
            let edges = others.map(|(to, other)| Edge { pool, way: Way { from, to }, to: *other });
            if let Some(list) = self.edges.get_mut(token.place()) {
                list.extend(edges);
            }
        }
    }

    fn intern(&mut self, address: Address) -> Token {
        let next = Token(u32::try_from(self.tokens.len()).unwrap_or(u32::MAX));
        let token = *self.places.entry(address).or_insert(next);
        if token == next {
            self.tokens.push(address);
            self.edges.push(Vec::new());
        }
        token
    }
}
