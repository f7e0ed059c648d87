"""The Results page: leaderboard, figures, exports, published scores."""
