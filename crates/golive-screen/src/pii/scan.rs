//! S4: one walk over a text, from left to right: where something may begin, the rules are asked, the best one wins.
//!
//! A place is decided when no rule had to read past the end of what is there. The walk stops at the first place that is
//! not: a stream releases what lies before it and asks again when more has come.
//!
//! Never: goes back, or depends on more than [`KEPT_LEFT`] bytes before a place.

use super::arms::{Arms, is_letter_before, word_end};
use super::context::{Context, Verdict, Words};
use super::custom::Customs;
use super::kind::{Kind, Kinds};
use super::rule::number::Numbers;
use super::rule::open::{Fed, Open, Tail, pem_marker, token_marker};
use super::rule::secret::{Class, Secrets};
use super::rule::{address, date, email, net, password, person, phone, token, url};
use super::score::{self, Score};
use super::text::{ALNUM, BLANK, CLASS, DIGIT, HEX, LETTER, LOCAL, LOWER, STD64, Text, UPPER, is};
use super::words::Says;

/// How much to the left of a place a decision may depend on: the window of words, the longest word in it, and room.
pub(crate) const KEPT_LEFT: usize = 256;
/// What a word beside it is worth when hits compete: as much as 20 hundredths.
const TOLD: usize = 40;
/// How much of a word is looked at, in bytes.
const WORD_MAX: usize = 64;

/// Everything that is compiled once.
pub(crate) struct Rules {
    pub(crate) words: Words,
    pub(crate) numbers: Numbers,
    pub(crate) secrets: Secrets,
    pub(crate) customs: Customs,
    pub(crate) enabled: Kinds,
    /// In hundredths.
    pub(crate) threshold: u8,
}

/// Something found, in folded bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) score: u8,
    /// It goes on behind what is there.
    pub(crate) open: Option<Open>,
    /// How it is swallowed if it has no greatest length, also if its end is there already; and the end of its marker.
    pub(crate) swallowed: Option<(Open, usize)>,
    /// A word beside it is for its kind.
    pub(crate) told: bool,
}

/// What a walk gave.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) hits: Vec<Hit>,
    /// All before it is decided.
    pub(crate) decided: usize,
}

/// The best of what begins at one place.
struct Best<'r> {
    rules: &'r Rules,
    at: usize,
    hit: Option<Hit>,
}

impl Best<'_> {
    fn offer(&mut self, kind: Kind, end: usize, score: u8) {
        self.take(Hit {
            kind,
            start: self.at,
            end,
            score,
            open: None,
            swallowed: None,
            told: false,
        });
    }

    fn offer_told(&mut self, kind: Kind, end: usize, score: u8, told: bool) {
        self.take(Hit {
            kind,
            start: self.at,
            end,
            score,
            open: None,
            swallowed: None,
            told,
        });
    }

    fn offer_open(&mut self, kind: Kind, end: usize, score: u8, open: Option<Open>) {
        self.take(Hit {
            kind,
            start: self.at,
            end,
            score,
            swallowed: open.map(|open| (open, end)),
            open,
            told: false,
        });
    }

    fn take(&mut self, hit: Hit) {
        if hit.score < self.rules.threshold || !self.rules.enabled.has(hit.kind) || hit.end <= self.at {
            return;
        }
        if self.hit.is_none_or(|best| hit.rank() > best.rank()) {
            self.hit = Some(hit);
        }
    }
}

impl Hit {
    /// Surer is better, and so is longer: a card is no shorter number that happens to begin it. What a word beside it
    /// tells wins over what merely passes a checksum of one digit.
    fn rank(&self) -> usize {
        let open = if self.open.is_some() { 1000 } else { 0 };
        let told = if self.told { TOLD } else { 0 };
        usize::from(self.score) * 2 + (self.end - self.start) + open + told
    }
}

impl Rules {
    /// Walks from `from`, which must be the beginning, the end of an earlier hit, or where an earlier walk stopped.
    pub(crate) fn walk(&self, text: &Text, from: usize) -> Walk {
        let mut context = Context::new(&self.words);
        let mut hits = Vec::new();
        let mut pos = from;
        context.rejoin(text, from);
        while pos < text.len() {
            text.forget_cut();
            let byte = text.bytes[pos];
            if is(byte, BLANK) {
                pos += 1;
                continue;
            }
            let (hit, next) = if is(byte, ALNUM) {
                if is_inside_a_word(text, pos) {
                    pos = text.run(pos, ALNUM, usize::MAX);
                    continue;
                }
                self.word(text, &mut context, pos)
            } else if byte < 0x80 {
                self.sign(text, &context, pos, byte)
            } else {
                self.letter(text, &mut context, pos)
            };
            if text.was_cut() {
                return Walk { hits, decided: pos };
            }
            pos = match hit {
                None => next,
                Some(mut hit) => {
                    if let Some(open) = hit.open {
                        match open.feed(text, hit.end) {
                            Fed::Ended(end) => (hit.end, hit.open) = (end, None),
                            Fed::More(end) => hit.end = end,
                        }
                    }
                    let end = hit.end;
                    let goes_on = hit.open.is_some();
                    hits.push(hit);
                    if goes_on {
                        return Walk { hits, decided: end };
                    }
                    context.rejoin(text, end);
                    end
                }
            };
        }
        Walk {
            hits,
            decided: pos.min(text.len()),
        }
    }

    /// What begins at a letter or digit that begins a word, and where the next place is.
    fn word(&self, text: &Text, context: &mut Context, at: usize) -> (Option<Hit>, usize) {
        let first = text.bytes[at];
        let (mut end, mut digits, mut hash) = (at, 0, 0);
        for byte in &text.bytes[at..text.len().min(at + WORD_MAX)] {
            let class = CLASS[usize::from(*byte)];
            if class & ALNUM == 0 {
                break;
            }
            end += 1;
            digits += usize::from(class & DIGIT);
            hash = Arms::step(hash, *byte);
        }
        let next = text.get(end);

        // Most words of prose: in lower case, a blank behind them. Nothing begins with one but what words tell.
        if digits == 0
            && next == Some(b' ')
            && is(first, LOWER)
            && !context.is_armed(at)
            && self.customs.len() == 0
        {
            context.pass(hash, end);
            return (None, end + 1);
        }
        let mut best = Best {
            rules: self,
            at,
            hit: None,
        };
        if let Some(second) = text.get(at + 1) {
            if self.secrets.may_begin(first, second)
                && let Some(found) = self.secrets.find(text, at)
            {
                best.offer_open(found.kind, found.end, score::SURE, found.open);
            }
            if first == b'e'
                && second == b'y'
                && let Some(marker) = token_marker(text, at)
            {
                best.offer_open(
                    Kind::SecretJwt,
                    marker,
                    score::SURE,
                    Some(Open::run(Class::Web64, Tail::Dots)),
                );
            }
        }
        match next {
            Some(b'@' | b'.' | b'_' | b'%' | b'+' | b'-' | 0xC3..=0xC9) if begins_local_part(text, at) => {
                if let Some(end) = email::find(text, at) {
                    best.offer(Kind::EmailAddress, end, score::SURE);
                }
            }
            _ => {}
        }
        if matches!(next, Some(b':' | b'+' | b'-' | b'.')) {
            self.machine(text, context, &mut best, end, digits);
        }
        if digits > 0 {
            self.number(text, context, &mut best, end, digits);
        } else {
            if is(first, UPPER) {
                self.numbers.fits(text, at, end - at, false, |fit| {
                    self.fit(text, context, &mut best, &fit)
                });
            }
            if is(first, UPPER) && person::is_titled(text, at, end) {
                self.person(text, None, &mut best);
            }
        }
        if context.is_armed(at) {
            self.told(text, context, &mut best);
        }
        if self.customs.len() > 0 {
            self.custom(text, context, &mut best);
        }
        let (mut whole, mut hash) = (end, hash);
        if matches!(next, Some(0xC3..=0xDF)) {
            whole = word_end(text.bytes, at);
            text.get(whole);
            hash = Arms::hash(&text.bytes[at..whole]);
        }
        context.pass(hash, whole);
        // The rest of a longer word is passed over when its turn comes: it need not be all there.
        (best.hit, end)
    }

    fn custom(&self, text: &Text, context: &Context, best: &mut Best) {
        if let Some(found) = self.customs.find(text, best.at) {
            let told = matches!(context.verdict(text, best.at, found.kind), Verdict::For(_))
                || found.needs_context && context.right(text, found.end, found.kind);
            if told || !found.needs_context {
                best.offer(found.kind, found.end, score::SURE);
            }
        }
    }

    /// What begins at a sign: a telephone number, an address of a machine, a private key, a password.
    fn sign(&self, text: &Text, context: &Context, at: usize, byte: u8) -> (Option<Hit>, usize) {
        let mut best = Best {
            rules: self,
            at,
            hit: None,
        };
        match byte {
            b'+' | b'(' if text.is(at + 1, DIGIT) => {
                self.phone(text, context, &mut best);
            }
            b':' if text.get(at + 1) == Some(b':') && text.is(at + 2, HEX) => {
                if let Some(end) = net::ipv6(text, at) {
                    best.offer(Kind::IpAddress, end, score::PLAIN);
                }
            }
            b'-' => {
                if let Some(end) = pem_marker(text, at) {
                    best.offer_open(Kind::SecretPrivateKey, end, score::SURE, Some(Open::Pem));
                }
            }
            _ => {}
        }
        if context.is_armed(at)
            && !matches!(
                byte,
                b':' | b'=' | b'"' | b'\'' | b'|' | b'>' | b'(' | b'[' | b'`' | b'{' | b'<' | b',' | b';'
            )
        {
            self.told(text, context, &mut best);
        }
        (best.hit, at + 1)
    }

    /// What begins at a letter that is not ASCII: names and addresses.
    fn letter(&self, text: &Text, context: &mut Context, at: usize) -> (Option<Hit>, usize) {
        let mut best = Best {
            rules: self,
            at,
            hit: None,
        };
        let length = text.char_at(at).map_or(1, char::len_utf8);
        let two = length == 2 && text.bytes[at] >= 0xC3;
        let begins = if two {
            !is_letter_before(text.bytes, at) && !text.before(at).is_some_and(|b| is(b, ALNUM))
        } else {
            true
        };
        if begins && context.is_armed(at) {
            self.told(text, context, &mut best);
        }
        if two && begins {
            let end = word_end(text.bytes, at);
            // A word that may go on is not known yet: the read is remembered.
            text.get(end);
            context.pass(Arms::hash(&text.bytes[at..end]), end);
        } else if !two {
            context.pass_sign(&text.bytes[at..(at + length).min(text.len())], at + length);
        }
        (best.hit, at + length)
    }

    fn machine(&self, text: &Text, context: &Context, best: &mut Best, end: usize, digits: usize) {
        let at = best.at;
        let next = text.get(end);
        if matches!(next, Some(b':' | b'+')) {
            let scheme = if next == Some(b'+') {
                text.run(end + 1, ALNUM, 16)
            } else {
                end
            };
            if text.goes_on(scheme, b"://", false)
                && let Some((kind, end)) = url::find(text, at, scheme)
            {
                best.offer(kind, end, score::SURE);
            }
            if self.enabled.has(Kind::DataUri)
                && text.goes_on(at, b"data:", true)
                && let Some(body) = data_uri(text, at + 5)
            {
                best.offer_open(
                    Kind::DataUri,
                    body,
                    score::SURE,
                    Some(Open::run(Class::Std64, Tail::None)),
                );
            }
        }
        let length = end - at;
        if length <= 4 && text.bytes[at..end].iter().all(|b| is(*b, HEX)) {
            if next == Some(b':')
                && let Some(end) = net::ipv6(text, at)
            {
                best.offer(Kind::IpAddress, end, score::PLAIN);
            }
            if let Some(end) = net::mac(text, at) {
                best.offer(Kind::MacAddress, end, score::PLAIN);
            }
        }
        if next == Some(b'.')
            && digits == length
            && length <= 3
            && let Some(end) = net::ipv4(text, at)
        {
            let score = Score::of(score::IPV4).with(context.verdict(text, at, Kind::IpAddress));
            best.offer(Kind::IpAddress, end, score.value());
        }
    }

    fn number(&self, text: &Text, context: &Context, best: &mut Best, end: usize, digits: usize) {
        let at = best.at;
        let length = end - at;
        self.numbers
            .fits(text, at, length, true, |fit| self.fit(text, context, best, &fit));
        let bytes = &text.bytes[at..end];
        if length >= 4
            && is(bytes[0], LETTER)
            && is(bytes[1], LETTER)
            && is(bytes[2], DIGIT)
            && let Some(end) = token::iban(text, at)
        {
            best.offer(Kind::Iban, end, score::SURE);
        }
        if length >= 14
            && digits < length
            && let Some(end) = token::wallet(text, at)
        {
            best.offer(Kind::Crypto, end, score::SURE);
        }
        if digits == length && length <= 15 {
            self.phone(text, context, best);
        }
        if digits <= 4 && length <= 6 {
            self.date(text, context, best);
        }
    }

    fn date(&self, text: &Text, context: &Context, best: &mut Best) {
        if context.is_armed(best.at)
            && let Some(end) = date::find(text, best.at)
            && let verdict @ Verdict::For(0..=person::JOINT_MAX) =
                context.verdict(text, best.at, Kind::DateOfBirth)
        {
            best.offer_told(
                Kind::DateOfBirth,
                end,
                Score::of(score::DATE).with(verdict).value(),
                true,
            );
        }
    }

    fn fit(&self, text: &Text, context: &Context, best: &mut Best, fit: &super::rule::number::Fit) {
        let kind = fit.shape.row.kind;
        if !self.enabled.has(kind) {
            return;
        }
        let mut score = Score::of(fit.shape.score);
        if fit.lower {
            score = score.less(score::LOWER_CASE);
        }
        let verdict = context.verdict(text, best.at, kind);
        score = score.with(verdict);
        if score.value() < self.threshold
            && verdict == Verdict::Silent
            && score.more(score::RIGHT).value() >= self.threshold
            && context.right(text, fit.end, kind)
        {
            score = score.more(score::RIGHT);
        }
        best.offer_told(kind, fit.end, score.value(), matches!(verdict, Verdict::For(_)));
    }

    fn phone(&self, text: &Text, context: &Context, best: &mut Best) {
        if !self.enabled.has(Kind::PhoneNumber) {
            return;
        }
        if let Some(found) = phone::find(text, best.at) {
            let verdict = context.verdict(text, best.at, Kind::PhoneNumber);
            let mut score = Score::of(found.score).with(verdict);
            if score.value() < self.threshold
                && verdict == Verdict::Silent
                && context.right(text, found.end, Kind::PhoneNumber)
            {
                score = score.more(score::RIGHT);
            }
            best.offer_told(
                Kind::PhoneNumber,
                found.end,
                score.value(),
                matches!(verdict, Verdict::For(_)),
            );
        }
    }

    /// Values that only the words before them tell.
    fn told(&self, text: &Text, context: &Context, best: &mut Best) {
        let at = best.at;
        let first = text.bytes[at];
        let name = person::may_begin(text, at);
        let words = super::words::told_by_words();
        for hit in context.left(text, at).iter() {
            if at - hit.end > person::JOINT_MAX {
                break;
            }
            let kinds = hit.says.kinds();
            if !kinds.meets(words) {
                continue;
            }
            let Some(joint) = person::joint(text, hit.end, at) else {
                continue;
            };
            if kinds.has(Kind::Person) && name && !person::is_attribute(text, hit.start) {
                self.person(text, Some((joint, hit.says)), best);
            }
            if kinds.has(Kind::Location)
                && let Some(end) = address::find(text, at)
            {
                best.offer(Kind::Location, end, score::TOLD);
            }
            if kinds.has(Kind::DateOfBirth) && is(first, LETTER) {
                self.date(text, context, best);
            }
            if first < 0x80 {
                self.told_secret(text, kinds, joint, best);
            }
        }
    }

    fn told_secret(&self, text: &Text, kinds: Kinds, joint: person::Joint, best: &mut Best) {
        let at = best.at;
        if kinds.has(Kind::SecretAwsSecret)
            && let Some(end) = password::aws_secret(text, at)
        {
            best.offer(Kind::SecretAwsSecret, end, score::SURE);
        }
        if kinds.has(Kind::SecretApiKey)
            && let Some(end) = password::key(text, at)
        {
            best.offer(Kind::SecretApiKey, end, score::TOLD);
        }
        if kinds.has(Kind::SecretPassword)
            && let Some(end) = password::find(text, at, joint)
        {
            best.offer(Kind::SecretPassword, end, score::TOLD);
        }
    }

    fn person(&self, text: &Text, told: Option<(person::Joint, Says)>, best: &mut Best) {
        if !self.enabled.has(Kind::Person) {
            return;
        }
        let Some(name) = person::name(text, best.at) else {
            return;
        };
        // "Name:\nOrganization: …": what a colon follows is the next word for a value.
        let head = text.get(name.end) == Some(b':');
        let value = &text.bytes[best.at..name.end];
        let lower = value.iter().any(|b| is(*b, LOWER) || *b >= 0x80);
        let enough = match told {
            None => name.titled,
            Some(_) if head => false,
            // Signs that follow a word of their script without a joint are the sentence going on.
            Some((person::Joint::Blank, Says::One(_))) if is_ideograph_before(text, best.at) => false,
            Some((joint, says)) => {
                name.words >= 2
                    || name.titled
                    || matches!(says, Says::Surely(_))
                    || lower && joint == person::Joint::Mark
            }
        };
        if enough {
            best.offer(Kind::Person, name.end, score::TOLD);
        }
    }
}

fn is_ideograph_before(text: &Text, at: usize) -> bool {
    text.before(at).is_some_and(|byte| byte >= 0x80) && text.char_before(at).is_some_and(person::is_ideograph)
}

/// Whether the word before goes on at `at`.
fn is_inside_a_word(text: &Text, at: usize) -> bool {
    match text.before(at) {
        None => false,
        Some(before) if before < 0x80 => is(before, ALNUM),
        // A letter with an accent: "Peláez". Other scripts stand next to numbers without a blank.
        Some(_) => !is(text.bytes[at], DIGIT) && matches!(text.char_before(at), Some('\u{C0}'..='\u{24F}')),
    }
}

/// Whether `at` begins what could be the local part of an address, and is not the middle of one.
fn begins_local_part(text: &Text, at: usize) -> bool {
    match text.before(at) {
        Some(before) if is(before, LOCAL) => at < 2 || !is(text.bytes[at - 2], ALNUM),
        _ => true,
    }
}

/// The beginning of the content of a data URI whose type begins at `at`.
fn data_uri(text: &Text, at: usize) -> Option<usize> {
    let mut end = at;
    while end - at < 100
        && text
            .get(end)
            .is_some_and(|b| is(b, ALNUM) || matches!(b, b'/' | b'.' | b'+' | b'-' | b';' | b'='))
    {
        end += 1;
    }
    let base64 = text.bytes[at..end].ends_with(b";base64");
    (base64 && text.get(end) == Some(b',') && text.is(end + 1, STD64)).then_some(end + 1)
}
