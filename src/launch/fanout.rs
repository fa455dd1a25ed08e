//! One event, several sinks, in order.

use crate::event::{Event, Sink, SinkError};

/// Hands every event to each sink; the first error ends it.
pub struct Fanout<'a>(pub Vec<&'a mut dyn Sink>);

impl Sink for Fanout<'_> {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        self.0.iter_mut().try_for_each(|sink| sink.event(event))
    }
}
