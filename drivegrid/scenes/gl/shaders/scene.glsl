// Shared by all shaders: the view's numbers. scene_block() in uniforms.py writes them in this order.
layout(std140, binding = 0) uniform Scene {
    vec4 picture;   // width, height, focal x, focal y
    vec4 aim;       // centre x, centre y, cosine and sine of the roll
    vec4 eye;       // height, nearest depth, night, none
    vec4 sun;       // direction, gain
    vec4 sun_color; // colour, sky's gain
    vec4 air;       // haze, 1 / fog distance
};

const float GRAINS_A_M = 82.0; // texels of the noise on surfaces
