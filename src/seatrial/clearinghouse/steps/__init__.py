"""What is done to findings that are held: reproduced, clustered, decided about by people: the catalogue."""

from seatrial.clearinghouse.steps.clustering import Placed, cluster_findings
from seatrial.clearinghouse.steps.decisions import Desk, Refused
from seatrial.clearinghouse.steps.fixes import FixCheck, Fixes
from seatrial.clearinghouse.steps.matrix import Matrices, Measured
from seatrial.clearinghouse.steps.reproduction import Reproduction

__all__ = ["Desk", "FixCheck", "Fixes", "Matrices", "Measured", "Placed", "Refused", "Reproduction", "cluster_findings"]
