"""Predictions against annotations: streaming scores of one video, scores of a split, the official tables."""

from vos_core.evaluation.folders import Evaluation, evaluate, score_folder
from vos_core.evaluation.scorer import VideoScorer, is_scorable
from vos_core.evaluation.scores import GlobalScores, ObjectScores, VideoScores, global_scores

__all__ = [
    "Evaluation",
    "GlobalScores",
    "ObjectScores",
    "VideoScorer",
    "VideoScores",
    "evaluate",
    "global_scores",
    "is_scorable",
    "score_folder",
]
