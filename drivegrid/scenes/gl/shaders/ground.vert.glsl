// Places a strip of visible ground in the picture; linear there, so w stays 1.
in vec3 row; // X / Z, tangent, 1 / Z

void main() {
    vec2 plane = vec2(aim.z * row.x - aim.w * row.y, aim.w * row.x + aim.z * row.y);
    vec2 pixel = plane * picture.zw + aim.xy;
    // A little behind the true ground, so that feet may stand 3 cm deep.
    gl_Position = vec4(2.0 * pixel / picture.xy - 1.0, 1.0 - 1.96 * eye.y * row.z, 1.0);
}
