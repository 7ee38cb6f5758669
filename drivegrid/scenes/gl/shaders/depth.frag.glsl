// Draws nothing but depth.
void main() {}
