"""The plan's word edits, carried out on the published transcript. Pure."""

from __future__ import annotations

from stream.clip import Clip, Plan, PublishedWord, Reason, Refusal, Segment


def replace_words(clip: Clip, plan: Plan) -> tuple[PublishedWord, ...]:
    """The published transcript, each edit's words replaced by one placeholder over their whole time.

    Neighbouring edits with the same placeholder become one, so that their number tells no word count.
    """
    if plan.transcript is None:
        return ()
    edit_at = {index: edit for edit in plan.word_edits for index in range(edit.first, edit.last + 1)}
    published: list[PublishedWord] = []
    previous_placeholder = None
    for index, word in enumerate(clip.event.transcripts[plan.transcript].words):
        if word.segment is None:
            raise Refusal(Reason.WORDS_WITHOUT_TIMES)
        edit = edit_at.get(index)
        segment = _inside(word.segment, clip.duration)
        if edit and edit.placeholder == previous_placeholder:
            last = published[-1].segment
            hull = Segment(min(last.start, segment.start), max(last.end, segment.end))
            published[-1] = PublishedWord(edit.placeholder, hull)
        else:
            published.append(PublishedWord(edit.placeholder if edit else word.text, segment))
        previous_placeholder = edit.placeholder if edit else None
    return tuple(published)


def _inside(segment: Segment, duration: float) -> Segment:
    return Segment(segment.start, min(segment.end, duration))
