"""How far a wave is whose opening or closing takes minutes."""

from survey.models import Wave


def tell(wave: Wave, state: str, share: float) -> None:
    """Let HR see how much of the work is done (0 to 1), as long as the wave is in this state.

    Of a closing it says no more of what was said than that many have: it is told in whole steps.
    """
    Wave.update(progress=int(100 * share)).where(Wave.id == wave.id, Wave.state == state).execute()
