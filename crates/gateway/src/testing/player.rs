//! A port whose far end says what a transcript heard. No task and no socket: the port itself knows
//! what is due, also where it is closed and opened again in between.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use wire::Line;
use wire::modbus::Heard;
use wire::transcript::{self, Event, Transcript, Verdict};

use crate::call::Call;
use crate::framing::Framing;
use crate::port::Dial;

/// One question of a transcript with everything that is told until the next one.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// When, since the beginning of the transcript.
    pub(super) at: Duration,
    pub(super) framing: Framing,
    patience: Duration,
    listen: Duration,
    question: Vec<u8>,
    /// What was heard, so long after the question. Empty: the far end hung up.
    heard: Vec<(Duration, Vec<u8>)>,
    /// What was made of it, so long after the question.
    pub(super) verdict: Option<(Verdict, Duration)>,
}

/// The questions of a transcript. What was heard before the first is of one that is not told.
pub(super) fn asked(transcript: &Transcript) -> Result<Vec<Asked>, String> {
    let mut asked: Vec<Asked> = Vec::new();
    let (mut framing, mut patience, mut listen) = (None, None, Duration::ZERO);
    let mut at = Duration::ZERO;
    for entry in &transcript.entries {
        at = entry.at.unwrap_or(at);
        match (&entry.event, asked.last_mut()) {
            (Event::Framing(told), _) => framing = Some(*told),
            (Event::Patience(told), _) => patience = Some(*told),
            (Event::Listen(told), _) => listen = *told,
            (Event::Sent(question), _) => asked.push(Asked {
                at,
                framing: match framing.ok_or("no `@` says how frames are told apart")? {
                    transcript::Framing::Serial(line) => Framing::Serial(line),
                    transcript::Framing::Tcp => Framing::Tcp,
                    transcript::Framing::RtuOverTcp => Framing::RtuOverTcp,
                },
                patience: patience.ok_or("no `@ patience` says how long was waited")?,
                listen,
                question: question.clone(),
                heard: Vec::new(),
                verdict: None,
            }),
            (Event::Heard(bytes), Some(asked)) => asked.hear(at, bytes),
            (Event::Judged(verdict), Some(asked)) => asked.judge(at, *verdict),
            (Event::Heard(_) | Event::Judged(_), None) => {}
        }
    }
    Ok(asked)
}

impl Asked {
    /// What came before the verdict comes in time also where time goes by the millisecond, and what
    /// came after it comes after it.
    fn hear(&mut self, at: Duration, bytes: &[u8]) {
        let after = at.saturating_sub(self.at);
        let whole = Duration::from_millis(after.as_millis().try_into().unwrap());
        let after = match self.verdict {
            None => whole,
            Some((_, judged)) => whole.max(judged) + Duration::from_millis(1),
        };
        if !bytes.is_empty() {
            self.heard.push((after, bytes.to_vec()));
        }
    }

    fn judge(&mut self, at: Duration, verdict: Verdict) {
        let after = at.saturating_sub(self.at);
        self.verdict = Some((verdict, after));
        if let Verdict::Failed(failure) = verdict
            && matches!(failure.label(), "port_lost" | "connection_closed")
        {
            self.heard.push((after, Vec::new()));
        }
    }

    /// Whether both are of the same kind of line.
    pub(super) fn is_framed_as(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.framing) == std::mem::discriminant(&other.framing)
    }

    /// How it is asked, and under which transaction.
    pub(super) fn call(&self) -> Result<(Call, u16), String> {
        let heard = match self.framing {
            Framing::Tcp => Heard::tcp(&self.question),
            Framing::Serial(_) | Framing::RtuOverTcp => Heard::rtu(&self.question),
        };
        let read = heard.and_then(Heard::read);
        let (Some(heard), Some(read)) = (heard, read) else {
            return Err(format!("{} is no question", wire::hex::Hex(&self.question)));
        };
        let line = if let Framing::Serial(line) = self.framing { line } else { Line::default() };
        let call = Call { read, line, patience: self.patience, listen: self.listen };
        Ok((call, heard.transaction))
    }
}

/// How far a transcript was played.
pub(super) struct Reel {
    asked: Vec<Asked>,
    /// Questions that were heard so far.
    pub(super) played: usize,
    /// What was asked that the transcript does not tell.
    pub(super) wrong: Option<String>,
    question: Vec<u8>,
    waiting: VecDeque<(Instant, Vec<u8>)>,
    closed: bool,
}

impl Reel {
    pub(super) fn new(asked: Vec<Asked>) -> Self {
        let (question, waiting) = (Vec::new(), VecDeque::new());
        Self { asked, played: 0, wrong: None, question, waiting, closed: false }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.question.extend_from_slice(bytes);
        let Some(next) = self.asked.get(self.played) else {
            self.wrong = Some("more is asked than the transcript tells".to_owned());
            return;
        };
        if self.question.len() < next.question.len() {
            return;
        }
        if self.question != next.question {
            let asked = wire::hex::write(&self.question);
            self.wrong = Some(format!("question {} is {asked}", self.played + 1));
        }
        let now = Instant::now();
        self.waiting.extend(next.heard.iter().map(|(after, bytes)| (now + *after, bytes.clone())));
        self.waiting.make_contiguous().sort_by_key(|(at, _)| *at);
        self.question.clear();
        self.played += 1;
    }
}

/// A port that leads to a reel. Opened again, it leads to the same one.
pub(super) struct Player {
    reel: Arc<Mutex<Reel>>,
    framing: Framing,
}

impl Player {
    pub(super) fn new(reel: Arc<Mutex<Reel>>, framing: Framing) -> Self {
        Self { reel, framing }
    }
}

/// A port that was opened.
pub(super) struct Played {
    reel: Arc<Mutex<Reel>>,
    alarm: Pin<Box<Sleep>>,
}

impl Dial for Player {
    type Link = Played;

    async fn dial(&mut self, _line: Line) -> io::Result<Played> {
        let mut reel = self.reel.lock().unwrap();
        reel.closed = false;
        reel.question.clear();
        reel.waiting.retain(|(_, bytes)| !bytes.is_empty());
        Ok(Played { reel: Arc::clone(&self.reel), alarm: Box::pin(sleep_until(Instant::now())) })
    }

    fn set_line(&self, _link: &mut Played, _line: Line) -> io::Result<()> {
        Ok(())
    }

    fn framing(&self, line: Line) -> Framing {
        if let Framing::Serial(_) = self.framing { Framing::Serial(line) } else { self.framing }
    }
}

impl AsyncRead for Played {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let reel = Arc::clone(&self.reel);
        let mut reel = reel.lock().unwrap();
        let Reel { waiting, closed, .. } = &mut *reel;
        loop {
            if *closed {
                return Poll::Ready(Ok(()));
            }
            let Some((at, bytes)) = waiting.front_mut() else { return Poll::Pending };
            if *at > Instant::now() {
                let at = *at;
                self.alarm.as_mut().reset(at);
                std::task::ready!(self.alarm.as_mut().poll(context));
                continue;
            }
            let rest = bytes.split_off(bytes.len().min(buffer.remaining()));
            buffer.put_slice(bytes);
            *closed = bytes.is_empty();
            *bytes = rest;
            if bytes.is_empty() {
                waiting.pop_front();
            }
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Played {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.reel.lock().unwrap().hear(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
