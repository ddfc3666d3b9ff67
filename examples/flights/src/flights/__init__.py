"""Will a flight from New York arrive 15 or more minutes late?"""

__version__ = "1.0.0"
