def main(arguments): return True
