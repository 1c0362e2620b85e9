use super::Conversation;
use crate::call::Call;
use crate::framing::Framing;
use crate::port::Dial;

impl<D: Dial> Conversation<D> {
    /// How else frames could travel on this port.
    pub(crate) fn other_framing(&self) -> Option<Framing> {
        self.framing.other()
    }

    /// Whether a question is answered, soundly or by an exception, in another framing. The port is
    /// opened anew for it, and again for whatever follows.
    pub(crate) async fn is_answered_in(&mut self, framing: Framing, call: Call) -> bool {
        self.link = None;
        self.tried = Some(framing);
        let carried = self.carry_and_note(call).await;
        self.tried = None;
        self.link = None;
        self.framing = self.dial.framing(self.line);
        carried.is_ok_and(|carried| carried.exchange.finish(carried.end).is_ok())
    }
}
