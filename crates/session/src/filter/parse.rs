//! Reads a query's text.

use std::borrow::Cow;

use super::query::{Clause, Operator, PropertyPath, Query, Subject, Value};
use super::{FilterError, MAX_BYTES, MAX_CLAUSES, MAX_DEPTH};

pub(super) fn query(text: &str) -> Result<Query, FilterError> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return Err(FilterError::TooLong {
            what: "bytes",
            limit: MAX_BYTES,
        });
    }
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        clauses: 0,
    };
    let query = reader.any()?;
    if reader.at < text.len() {
        return Err(reader.wrong("what follows joins nothing"));
    }
    Ok(query)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Parentheses open.
    depth: usize,
    clauses: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, what: &'static str) -> FilterError {
        FilterError::Syntax { at: self.at, what }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Steps over a text, in any case.
    fn take(&mut self, token: &str) -> bool {
        let head = self.rest().get(..token.len());
        let is_there = head.is_some_and(|head| head.eq_ignore_ascii_case(token));
        self.at += if is_there { token.len() } else { 0 };
        is_there
    }

    // spec: L13
    fn any(&mut self) -> Result<Query, FilterError> {
        let mut queries = vec![self.all()?];
        while self.take("&OR;") {
            queries.push(self.all()?);
        }
        Ok(Query::any(queries))
    }

    fn all(&mut self) -> Result<Query, FilterError> {
        let mut queries = vec![self.factor()?];
        while self.take("&AND;") {
            queries.push(self.factor()?);
        }
        Ok(Query::all(queries))
    }

    fn factor(&mut self) -> Result<Query, FilterError> {
        self.skip_blanks();
        if !self.take("(") {
            return Ok(Query::Clause(self.clause()?));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FilterError::TooLong {
                what: "parentheses within each other",
                limit: MAX_DEPTH,
            });
        }
        let query = self.any()?;
        if !self.take(")") {
            return Err(self.wrong("a parenthesis is not closed"));
        }
        self.depth -= 1;
        self.skip_blanks();
        Ok(query)
    }

    fn clause(&mut self) -> Result<Clause, FilterError> {
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(FilterError::TooLong {
                what: "clauses",
                limit: MAX_CLAUSES,
            });
        }
        let start = self.at;
        let subject = self.subject()?;
        self.skip_blanks();
        let (operator, ignore_case) = self.operator()?;
        let value = self.value()?;
        let clause = Clause {
            subject,
            operator,
            ignore_case,
            value,
        };
        match complaint(&clause) {
            Some(what) => Err(FilterError::Syntax { at: start, what }),
            None => Ok(clause),
        }
    }

    fn subject(&mut self) -> Result<Subject, FilterError> {
        // the keywords of times are written as that of the identifier, too
        let keywords = [
            ("&LUID;", Subject::Luid),
            ("&SINCE;", Subject::Since),
            ("&BEFORE;", Subject::Before),
        ];
        for (keyword, subject) in keywords {
            if self.take(keyword) {
                return Ok(subject);
            }
        }
        let name = self.word()?;
        let index = if self.take("[") {
            let rest = self.rest();
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let index = rest.get(..digits).and_then(|n| n.parse().ok());
            let index = index.filter(|n| *n > 0);
            self.at += digits;
            if index.is_none() || !self.take("]") {
                return Err(self.wrong("an index is a number from 1 in brackets"));
            }
            index
        } else {
            None
        };
        let mut parts = Vec::new();
        while self.take(".") {
            parts.push(self.word()?.to_owned());
        }
        let is_bare = index.is_none() && parts.is_empty();
        Ok(match name.to_ascii_uppercase().as_str() {
            "SINCE" if is_bare => Subject::Since,
            "BEFORE" if is_bare => Subject::Before,
            "UNSEEN" if is_bare => Subject::Unseen,
            "GROUP" if is_bare => Subject::Group,
            _ => Subject::Property(PropertyPath {
                name: name.to_owned(),
                index,
                parts,
            }),
        })
    }

    fn word(&mut self) -> Result<&'t str, FilterError> {
        let rest = self.rest();
        let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let length = rest.bytes().take_while(|b| is_of_name(b)).count();
        match rest.get(..length) {
            Some(word) if length > 0 => {
                self.at += length;
                Ok(word)
            }
            _ => Err(self.wrong("a keyword or property is missing")),
        }
    }

    // spec: L12
    fn operator(&mut self) -> Result<(Operator, bool), FilterError> {
        if !self.rest().starts_with('&') {
            return Err(self.wrong("an operator is missing"));
        }
        for (operator, name) in Operator::ALL {
            if self.take(&format!("&{name};")) {
                return Ok((operator, false));
            }
            if self.take(&format!("&i{name};")) {
                return Ok((operator, true));
            }
        }
        Err(self.wrong("the operator is not known"))
    }

    /// Text up to the next clause. A parenthesis that closes nothing within the value ends it if
    /// one is open around it.
    // spec: L14
    fn value(&mut self) -> Result<Value, FilterError> {
        if self.take("&NULL;") {
            self.skip_blanks();
            return Ok(Value::Null);
        }
        let mut bytes = Vec::new();
        let mut within = 0_usize;
        let raw = self.rest().as_bytes();
        let mut used = 0;
        while let Some(&byte) = raw.get(used) {
            match byte {
                b'&' => break,
                b')' if within == 0 && self.depth > 0 => break,
                b'(' => within += 1,
                b')' => within = within.saturating_sub(1),
                b'%' => {
                    let digit = |at: usize| {
                        let digit = char::from(*raw.get(at)?).to_digit(16)?;
                        u8::try_from(digit).ok()
                    };
                    let (Some(high), Some(low)) = (digit(used + 1), digit(used + 2)) else {
                        self.at += used;
                        return Err(self.wrong("an escape is % and two hexadecimal digits"));
                    };
                    bytes.push(high << 4 | low);
                    used += 3;
                    continue;
                }
                _ => {}
            }
            bytes.push(byte);
            used += 1;
        }
        self.at += used;
        // devices escape the bytes of whatever character set they are used to
        let text = pim::decode::charset(Cow::Owned(bytes), None).into_owned();
        Ok(Value::Text(text))
    }
}

/// What is wrong with a clause whose pieces are right.
fn complaint(clause: &Clause) -> Option<&'static str> {
    let is_equality = matches!(clause.operator, Operator::Eq | Operator::Ne);
    let text = match &clause.value {
        Value::Null if !is_equality => return Some("only equality compares with NULL"),
        Value::Null => None,
        Value::Text(text) => Some(text.as_str()),
    };
    match clause.subject {
        Subject::Luid if !is_equality => Some("identifiers are equal or not"),
        Subject::Since | Subject::Before if text.and_then(pim::Time::read).is_none() => {
            Some("a date is missing")
        }
        Subject::Unseen if text.and_then(super::truth).is_none() => Some("UNSEEN is true or false"),
        _ => None,
    }
}
