//! E4: a YAML file as a tree in which each value knows its line.
//!
//! Never: follows an alias without a bound, nor takes a second document for a part of the first.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScanError, Span};
use thiserror::Error;

/// A value and the line it stands on, counted from 1.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Text that cannot be read as YAML.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {why}")]
pub struct NotYaml {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

/// Values of one file, those that aliases repeat included.
const NODES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

impl Node {
    /// Reads the first document of a text.
    pub(super) fn parse(text: &str) -> Result<Node, NotYaml> {
        let mut reader = Reader {
            events: Parser::new_from_str(text),
            anchors: HashMap::new(),
            nodes: 0,
        };
        loop {
            let (event, line) = reader.next()?;
            match event {
                Event::StreamEnd => {
                    return Ok(Node {
                        line: 1,
                        value: Value::Map(Vec::new()),
                    });
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                event => return reader.node(event, line, 0),
            }
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The members of a map; none of anything else.
    pub(super) fn members(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(members) => members,
            Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => &[],
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let found = self.members().iter().find(|(known, _)| known == name)?;
        Some(&found.1).filter(|node| !node.is_null())
    }

    /// Nothing, as YAML writes it.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.text(), Some("" | "~" | "null" | "Null" | "NULL"))
    }

    fn size(&self) -> usize {
        match &self.value {
            Value::Scalar(_) => 1,
            Value::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Map(members) => 1 + members.iter().map(|(_, node)| node.size()).sum::<usize>(),
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), NotYaml> {
        let next: Option<Result<(Event<'t>, Span), ScanError>> = self.events.next_event();
        match next {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(NotYaml {
                line: error.marker().line(),
                why: error.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, 1)),
        }
    }

    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, NotYaml> {
        let refuse = |why: &str| NotYaml {
            line,
            why: why.to_owned(),
        };
        if depth > DEPTH_MAX {
            return Err(refuse("it is nested too deeply"));
        }
        self.nodes += 1;
        let (anchor, value) = match event {
            Event::Scalar(text, _, anchor, _) => (anchor, Value::Scalar(text.into_owned())),
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(anchor) => {
                let known = self
                    .anchors
                    .get(&anchor)
                    .ok_or_else(|| refuse("an alias stands within its own anchor"))?;
                self.nodes += known.size();
                (0, known.value.clone())
            }
            _ => return Err(refuse("a value is missing")),
        };
        if self.nodes > NODES_MAX {
            return Err(refuse("it holds too many values"));
        }
        let node = Node { line, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, NotYaml> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, NotYaml> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let name = self.node(event, line, depth + 1)?;
            let Some(name) = name.text().map(str::to_owned) else {
                return Err(NotYaml {
                    line,
                    why: "a name must be a word".to_owned(),
                });
            };
            let (event, at) = self.next()?;
            let mut value = self.node(event, at, depth + 1)?;
            // A member is known by the line of its name.
            value.line = line;
            match name.as_str() {
                "<<" => merged.push(value),
                _ => members.push((name, value)),
            }
        }
        for node in merged {
            for (name, value) in node.members() {
                if !members.iter().any(|(known, _)| known == name) {
                    members.push((name.clone(), value.clone()));
                }
            }
        }
        Ok(Value::Map(members))
    }
}
