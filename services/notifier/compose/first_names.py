"""Polish first names and how each is called: lines of `f|m ending → ending: names`, where `-` is no ending.

`f` is a woman's name, `m` a man's. `Name>Form` is a form of its own; `Name>Form/Formal` has another one after Pani or
Pan. Names whose form wavers in usage (Maja, Nadia) stay as they are: the nominative is never wrong.
"""

TABLE = """
f a → o: Ada Adela Adelajda Adrianna Agata Agnieszka Aldona Aleksandra Alicja Alina Amanda Amelia Anastazja Andżelika
f a → o: Aneta Angelika Aniela Anita Antonina Apolonia Arleta Aurelia Balbina Barbara Beata Bernadeta Bianka Blanka
f a → o: Bogumiła Bogusława Bożena Bronisława Brygida Cecylia Celina Czesława Dagmara Danuta Daria Diana Dobrawa
f a → o: Dobrochna Dominika Dorota Edyta Eleonora Elena Eliza Elwira Elżbieta Emilia Ernestyna Eugenia Ewa Ewelina
f a → o: Felicja Franciszka Gabriela Genowefa Gertruda Gizela Gloria Grażyna Greta Halina Hanna Helena Henryka
f a → o: Honorata Hortensja Ida Iga Ilona Inga Irena Irmina Iwona Izabela Izabella Izolda Jadwiga Jagna Jagoda Janina
f a → o: Jarosława Joanna Jolanta Jowita Józefa Józefina Judyta Julia Julianna Julita Justyna Kalina Kamila Karina
f a → o: Karolina Katarzyna Kazimiera Kinga Klara Klaudia Klementyna Konstancja Kornelia Krystyna Larysa Laura Lena
f a → o: Leokadia Leontyna Lidia Ligia Lilia Liliana Liwia Lucyna Ludmiła Ludwika Luiza Łucja Magda Magdalena Malina
f a → o: Malwina Małgorzata Marcelina Marcjanna Maria Marianna Mariola Marlena Marta Martyna Maryla Maryna Marzanna
f a → o: Marzena Matylda Melania Michalina Milena Mirosława Monika Natalia Natasza Nina Oktawia Olga Olimpia Oliwia
f a → o: Otylia Patrycja Paula Paulina Pelagia Petronela Regina Renata Rita Roksana Romana Romualda Rozalia Róża
f a → o: Ryszarda Sabina Salomea Sandra Sara Seweryna Stanisława Stefania Sylwia Tamara Tatiana Tekla Teodora Teresa
f a → o: Urszula Wacława Walentyna Waleria Wanda Wera Weronika Wiesława Wiktoria Wilhelmina Wioleta Wioletta
f a → o: Władysława Zdzisława Zenobia Zofia Zuzanna Zyta
f a → o: Anka Aśka Baśka Danka Dorotka Elka Ewka Gośka Hanka Irenka Iwonka Iza Julka Kaśka Olka Ulka Zośka Zuza
f a → u: Ala Ania Asia Basia Bronia Ela Frania Gabrysia Genia Gosia Hania Hanusia Hela Jadzia Jagusia Jola Kasia
f a → u: Krysia Lusia Madzia Małgosia Mania Martusia Marysia Monia Ola Renia Stasia Terenia Tosia Ula Wandzia Wiesia
f a → u: Zosia Zuzia
f - → -: Anna>Aniu/Anno
f - → -: Beatrycze Carmen Gaja Ingrid Kaja Ksenia Maja Mela Miriam Nadia Nel Nela Noemi Pola Sonia Zoja
m - → ie: Adam Adrian Alan Aleks Anzelm Augustyn Bastian Beniamin Benjamin Bogdan Bogusław Bohdan Bolesław Borys
m - → ie: Bronisław Cyprian Czesław Damian Denis Dorian Edwin Erwin Fabian Feliks Filip Florian Gracjan Gustaw
m - → ie: Hieronim Iwan Jakub Jan Jarosław Joachim Jordan Józef Julian Justyn Kajetan Kasjan Kilian Klemens
m - → ie: Konstantyn Krystian Krzysztof Lesław Leon Lucjan Maks Maksym Maksymilian Marcin Marian Mieczysław Milan
m - → ie: Mirosław Natan Nikodem Oktawian Olaf Przemysław Radosław Roman Sebastian Seweryn Stanisław Stefan Symeon
m - → ie: Szczepan Szymon Tymon Tytus Urban Wacław Walentyn Wiesław Władysław Zbigniew Zdzisław Zenon
m t → cie: Albert Donat Herbert Hubert Lambert Norbert Robert Wit Ziemowit Zygmunt
m st → ście: August Ernest
m d → dzie: Alfred Arnold Bernard Dawid Edmund Edward Ferdynand Gerard Konrad Leonard Leopold Medard Oswald Rajmund
m d → dzie: Roland Romuald Ryszard Witold Zygfryd
m r → rze: Artur Baltazar Dobromir Hektor Igor Izydor Jaromir Lubomir Ludomir Melchior Oskar Piotr Radomir Sławomir
m r → rze: Teodor Waldemar Wiktor
m er → rze: Aleksander Kacper Kasper Sylwester
m ł → le: Bogumił Michał Paweł>Pawle Rafał
m - → u: Amadeusz Andrzej Ariel Arkadiusz Aureliusz Bartłomiej Bartosz Błażej Cyryl Daniel Dariusz Dominik Eliasz Emil
m - → u: Eryk Eugeniusz Fryderyk Gabriel Grzegorz Henryk Ireneusz Janusz Jeremiasz Jonasz Juliusz Kamil Karol Kazimierz
m - → u: Klaudiusz Korneliusz Lech Ludwik Łazarz Łukasz Maciej Manuel Marcel Mariusz Mateusz Mikołaj Miłosz Nataniel
m - → u: Patryk Rafael Remigiusz Roch Samuel Sergiusz Tadeusz Teofil Tobiasz Tomasz Tymoteusz Włodzimierz Wojciech
m - → u: Zachariasz
m ek → ku: Antek Arek Bartek Bolek Darek Edek Felek Franciszek Franek Irek Jacek Janek Jarek Jurek Leszek Marek Mietek
m ek → ku: Mirek Olek Piotrek Przemek Radek Romek Sławek Staszek Szymek Tadek Tomek Tymek Waldek Witek Władek Włodek
m ek → ku: Wojtek Zbyszek Zenek
m - → -: Czesiek>Cześku Heniek>Heńku Jasiek>Jaśku Krzysiek>Krzyśku Maciek>Maćku Rysiek>Ryśku Stasiek>Staśku
m - → -: Wiesiek>Wieśku
m o → u: Henio Jasio Józio Kazio Mieszko Rysio Stasio
m a → o: Barnaba Kosma Kuba
m ś → siu: Adaś Grześ Jaś Krzyś Staś Wojtuś
m - → -: Aleksy Alojzy Ambroży Antoni Apolinary Bazyli Bonifacy Bruno Cezary Dionizy Eustachy Hilary Hugo Idzi Ignacy
m - → -: Iwo Jeremi Jerzy Konstanty Ksawery Makary Marceli Maurycy Otto Walenty Wincenty
"""
