"""The parts of bench/run: archives, far ends, clients, scenarios, measuring, reports."""
