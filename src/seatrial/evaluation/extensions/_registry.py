"""What Inspect finds under its entry point: everything here is inert unless a task asks for it by name."""

from seatrial.evaluation.extensions._agent import baseline
from seatrial.evaluation.extensions._hooks import CampaignHooks
from seatrial.evaluation.extensions._participants import participant
from seatrial.evaluation.extensions._sandbox import SeatrialSandbox
from seatrial.evaluation.extensions._scorer import replay_grader
from seatrial.evaluation.extensions._task import battery

__all__ = ["CampaignHooks", "SeatrialSandbox", "baseline", "battery", "participant", "replay_grader"]
