# nix-build packaging/nix, in an unpacked release: only there are the servers for other machines.
{ pkgs ? import <nixpkgs> { } }:

pkgs.stdenv.mkDerivation {
  pname = "belay";
  version = "0.2.0";
  src = pkgs.lib.cleanSource ../..;
  nativeBuildInputs = [ pkgs.gzip pkgs.makeWrapper ];
  buildInputs = [ pkgs.bearssl ] ++ pkgs.lib.optional pkgs.stdenv.isLinux pkgs.glibc.static;
  makeFlags = [ "CC=cc" "PREFIX=$(out)" "BEARSSL=${pkgs.lib.getLib pkgs.bearssl}/lib/libbearssl.a" ];
  # What is carried to hosts stays the same bits.
  dontStrip = true;
  postInstall = ''
    wrapProgram $out/bin/belay --suffix PATH : ${pkgs.lib.makeBinPath [ pkgs.openssh pkgs.gzip ]}
  '';
  meta = {
    description = "ssh that does not fall";
    license = pkgs.lib.licenses.isc;
    mainProgram = "belay";
  };
}
