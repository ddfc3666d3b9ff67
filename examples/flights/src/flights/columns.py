"""The columns of the model: what is known before departure, and what is asked."""

KEY = "flight_id"
LABEL = "late"
LATE_MINUTES = 15

CATEGORIES = ["carrier", "origin", "dest", "manufacturer"]
NUMBERS = [
    "departure_hour",
    "departure_minute",
    "arrival_hour",
    "day_of_week",
    "distance",
    "plane_age",
    "seats",
    "temp",
    "humid",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
]
FEATURES = CATEGORIES + NUMBERS
