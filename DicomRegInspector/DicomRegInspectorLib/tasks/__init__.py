"""What a user can ask for, without a face: inspect, measure, regularize, relate."""
