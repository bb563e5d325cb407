//! S8: what a word can mean to an injection: sixty-four concepts, one bit each. Words of any language are read as
//! concepts, so that what was learned on one language and one wording holds for others.
//!
//! Never: knows a word; the words stand in `lexicon/`.

/// A set of concepts: bit `n` is the concept with discriminant `n`.
pub type Concepts = u64;

macro_rules! concepts {
    ($($name:ident $text:literal $about:literal,)*) => {
        /// One meaning. The discriminant is its bit and stands in the model file: never reorder.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Concept { $(#[doc = $about] $name,)* }

        impl Concept {
            /// Every concept, in the order of their bits.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name as the lexicon files write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

concepts! {
    Ignore "IGNORE" "ignore, disregard, override, do not follow",
    Reset "RESET" "start over, clear, wipe what was said",
    Instruction "INSTRUCTION" "instructions, rules, guidelines, directives, policy",
    Prompt "PROMPT" "prompt, system message, configuration, context window",
    Prior "PRIOR" "previous, above, earlier, original, initial",
    All "ALL" "all, any, every, everything",
    Authority "AUTHORITY" "system, developer, administrator, operator, the maker of the model",
    Reveal "REVEAL" "reveal, show, repeat, leak, dump, disclose",
    Say "SAY" "say, reply, respond, answer, write, print",
    Verbatim "VERBATIM" "word for word, exactly, in full, raw",
    Secret "SECRET" "secret, password, API key, hidden, confidential",
    You "YOU" "you, your, yourself",
    Model "MODEL" "assistant, language model, chatbot, agent, names of models",
    Become "BECOME" "you are now, act as, pretend, simulate, role-play",
    FromNow "FROM_NOW" "from now on, henceforth",
    Unbound "UNBOUND" "unrestricted, unfiltered, without rules, amoral",
    Limit "LIMIT" "restrictions, filters, censorship, safety, ethics",
    Not "NOT" "no, not, never, without",
    Refuse "REFUSE" "refuse, decline, apologise, warn",
    Must "MUST" "must, have to, required",
    Urgent "URGENT" "important, urgent, attention, immediately",
    New "NEW" "new, updated, additional, actual, real",
    Task "TASK" "task, job, goal, question, request, objective",
    Instead "INSTEAD" "instead, rather, but first",
    Hide "HIDE" "secretly, silently, do not tell",
    People "PEOPLE" "user, customer, human, reader, anyone",
    Send "SEND" "send, forward, upload, post, exfiltrate",
    Destroy "DESTROY" "delete, wipe, disable, turn off, cancel a service",
    Run "RUN" "call, invoke, execute; tool, function, command",
    Grant "GRANT" "grant, approve, authorise, give access",
    Data "DATA" "conversation, history, files, records, contacts",
    Money "MONEY" "transfer, payment, refund, account, invoice",
    Only "ONLY" "only, just, nothing else",
    Mode "MODE" "mode, enabled, activated, unlocked",
    Pretext "PRETEXT" "testing, debugging, maintenance, audit, authorised research",
    Response "RESPONSE" "your answer, the output, the summary",
    Order "ORDER" "before, after, first, next, at the end",
    Encoding "ENCODING" "base64, hex, rot13, cipher, encoded, reversed",
    Obey "OBEY" "follow, obey, comply, carry out, do what it says",
    Question "QUESTION" "how, what, why, explain, difference",
    Topic "TOPIC" "talk about injections: attack, jailbreak, detection, vulnerability, data set",
    Fiction "FICTION" "story, novel, game, scenario, character, hypothetical",
    Harm "HARM" "illegal, weapon, malware, drugs, explicit",
    RoleTag "ROLE_TAG" "chat-template delimiters and role tags",
    Delimiter "DELIMITER" "ruled lines, headings, end-of-document marks",
    Markup "MARKUP" "tags and comments of HTML, XML, code",
    Url "URL" "an address on the web",
    Email "EMAIL" "a mail address",
    Quote "QUOTE" "a quotation mark",
    Exclaim "EXCLAIM" "an exclamation mark",
    QuestionMark "QUESTION_MARK" "a question mark",
    Colon "COLON" "a colon",
    Please "PLEASE" "please, kindly",
    Me "ME" "I, me, my, we, our",
    If "IF" "if, when, whenever",
    Permit "PERMIT" "allowed, able to, free to, can do anything",
    Image "IMAGE" "an image in Markdown or HTML",
    Read "READ" "reading, processing, summarising, translating this",
    Stop "STOP" "stop, cancel, abort, never mind, end of",
    Stake "STAKE" "punishment, reward, threat",
    Persona "PERSONA" "names of well-known jailbreak personas",
    Text "TEXT" "word, text, line, sentence, message, everything above",
    Lure "LURE" "visit, click, open, download, install",
    Number "NUMBER" "a number",
}

impl Concept {
    /// The set that holds this concept alone.
    pub const fn bit(self) -> Concepts {
        1 << self as u8
    }

    /// The concept of a name in the lexicon files.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|concept| concept.name() == name)
    }
}

/// The set of several concepts.
pub const fn set(concepts: &[Concept]) -> Concepts {
    let (mut bits, mut n) = (0, 0);
    while n < concepts.len() {
        bits |= concepts[n].bit();
        n += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concepts_fill_the_set_and_are_found_by_their_names() {
        assert_eq!(Concept::ALL.len(), 64);
        for (bit, &concept) in Concept::ALL.iter().enumerate() {
            assert_eq!(concept.bit(), 1 << bit);
            assert_eq!(Concept::of(concept.name()), Some(concept));
        }
        assert_eq!(Concept::of("NOTHING"), None);
    }
}
