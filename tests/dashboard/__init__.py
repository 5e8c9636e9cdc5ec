"""Does the dashboard show what is stored, and no more?"""
